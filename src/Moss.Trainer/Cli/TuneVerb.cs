using System.CommandLine;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Deployments;
using Moss.Data.Training;

namespace Moss.Trainer.Cli;

/// <summary>`tune RECIPE`: asks for a training run and follows it.</summary>
internal static class TuneVerb
{
    public static Command Create()
    {
        var recipe = new Argument<string>("recipe") { Description = "sft.", DefaultValueFactory = _ => SftSettings.Recipe };
        var dataset = new Option<string?>("--dataset") { Description = "A dataset version, by name or id; the newest of the recipe when left out." };
        var start = new Option<string?>("--base") { Description = "The checkpoint to start from, by name or id; the champion when left out." };
        var settings = new Option<string>("--settings") { Description = "JSON object of what differs from the recipe's defaults.", DefaultValueFactory = _ => "{}" };
        var seed = new Option<long>("--seed") { Description = "Decides the order of the examples.", DefaultValueFactory = _ => 1 };
        var deployIf = new Option<string?>("--deploy-if") { Description = """JSON object, e.g. {"max_eval_loss_increase":0}: deploy the result when it holds.""" };
        return Session.FollowingVerb("tune", "Queue a training run.", recipe, dataset, start, settings, seed, deployIf).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            var db = session.Db;
            var version = parsed.GetValue(dataset) is { } named
                ? await db.FindDatasetVersionAsync(session.Project.Id, named, cancellation)
                : (await db.DatasetVersionsAsync(session.Project.Id, cancellation)).Find(v => v.Recipe == parsed.GetValue(recipe))
                    ?? throw new MossInputException(
                        $"Project {session.Project.Name} has no dataset version yet for the recipe {parsed.GetValue(recipe)}. " +
                        $"Make one with `freeze --recipe {parsed.GetValue(recipe)}`.");
            var from = parsed.GetValue(start) is { } name
                ? await db.FindCheckpointAsync(name, cancellation)
                : (await db.CurrentDeploymentAsync(Deployment.Champion, cancellation))?.Checkpoint
                    ?? throw new MossInputException("Nothing is deployed as champion. Name the checkpoint to start from with --base.");
            var run = await db.QueueRunAsync(
                Guid.CreateVersion7(), session.Project.Id, parsed.GetValue(recipe)!, parsed.GetValue(settings)!, version.Id, from.Id, parsed.GetValue(seed),
                parsed.GetValue(deployIf), session.Person.Id, null, cancellation);
            session.Print(
                new { run_id = run.Id, state = "queued", run.Recipe, dataset = version.Name, base_checkpoint = from.Name },
                $"Run {run.Id} is queued: {run.Recipe} on {version.Name}, starting from {from.Name}.");
            return session.Detach ? 0 : await FollowAsync(session, run.Id, cancellation);
        });
    }

    private static async Task<int> FollowAsync(Session session, Guid id, CancellationToken cancellation)
    {
        var db = session.Db;
        var run = await Following.TrainingAsync(db, id, new ProgressBar(TimeProvider.System), TimeProvider.System, cancellation);
        var made = run.OutputCheckpointId is { } output ? await db.FindCheckpointAsync(output.ToString(), cancellation) : null;
        var losses = await db.MetricsAsync(id, TrainingMetric.EvalLoss, cancellation);
        session.Print(
            new
            {
                run_id = id, state = run.State.ToString().ToLowerInvariant(), run.Step, run.TotalSteps, checkpoint = made?.Name, checkpoint_id = made?.Id,
                eval_loss_before_nats = losses.Count > 0 ? losses[0].Value : (double?)null, eval_loss_after_nats = losses.Count > 1 ? losses[^1].Value : (double?)null,
                run.Error, run.Note,
            },
            run.State == RunState.Succeeded
                ? $"It made checkpoint {made!.Name} in {run.TotalSteps} steps." +
                  (losses.Count > 1 ? $" Held-out loss {losses[0].Value:F3} before, {losses[^1].Value:F3} after (nats per token)." : "") + (run.Note is { } note ? $" {note}" : "")
                : $"The run is {run.State.ToString().ToLowerInvariant()}. {run.Error}");
        return run.State == RunState.Succeeded ? 0 : 1;
    }
}
