using System.CommandLine;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Deployments;
using Moss.Data.Training;
using Moss.Trainer.Local;
using Moss.Trainer.Training;
using Moss.Trainer.Training.Planning;

namespace Moss.Trainer.Cli;

/// <summary>`tune RECIPE`: asks for a training run and follows it.</summary>
internal static class TuneVerb
{
    public static Command Create()
    {
        var recipe = new Argument<string>("recipe") { Description = string.Join(", ", Recipes.All) + ".", DefaultValueFactory = _ => SftSettings.Recipe };
        var dataset = new Option<string?>("--dataset") { Description = "A dataset version, by name or id; the newest of the recipe when left out." };
        var start = new Option<string?>("--base") { Description = "The checkpoint to start from, by name or id; the champion when left out." };
        var settings = new Option<string>("--settings") { Description = "JSON object of what differs from the recipe's defaults.", DefaultValueFactory = _ => "{}" };
        var seed = new Option<long>("--seed") { Description = "Decides the order of the examples.", DefaultValueFactory = _ => 1 };
        var deployIf = new Option<string?>("--deploy-if") { Description = """JSON object, e.g. {"max_eval_loss_increase":0}: deploy the result when it holds.""" };
        var plan = new Option<bool>("--plan") { Description = "Say what the run would do and take, and start nothing." };
        var explain = new Option<bool>("--explain") { Description = "Only list the recipe's settings: unit, range, default, meaning, source." };
        return Session.FollowingVerb("tune", "Queue a training run.", recipe, dataset, start, settings, seed, deployIf, plan, explain).Does(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(explain)) return SettingsListing.Print(parsed.GetValue(recipe)!, Session.AsksJson(parsed));
            await using var session = await Session.OpenAsync(parsed, cancellation);
            var db = session.Db;
            var version = parsed.GetValue(dataset) is { } named
                ? await db.FindDatasetVersionAsync(session.Project.Id, named, cancellation)
                : (await db.DatasetVersionsAsync(session.Project.Id, cancellation)).Find(v => Recipes.Teaches(v.Recipe, parsed.GetValue(recipe)!))
                    ?? throw new MossInputException(
                        $"Project {session.Project.Name} has no dataset version yet for the recipe {parsed.GetValue(recipe)}. " +
                        $"Make one with `freeze --recipe {parsed.GetValue(recipe)}`.");
            var from = parsed.GetValue(start) is { } name
                ? await db.FindCheckpointAsync(name, cancellation)
                : (await db.CurrentDeploymentAsync(Deployment.Champion, cancellation))?.Checkpoint
                    ?? throw new MossInputException("Nothing is deployed as champion. Name the checkpoint to start from with --base.");
            if (parsed.GetValue(plan))
            {
                var asked = PlanAnswer.Run(session.Project.Id, parsed.GetValue(recipe)!, parsed.GetValue(settings)!, version.Id, from.Id, parsed.GetValue(seed));
                var planned = await PlanAnswer.ComputeAsync(await RunPlan.OfAsync(db, asked, cancellation), Installation.FromEnvironment());
                Console.WriteLine(session.Json ? planned.ToJson() : PlanWords.Of(planned, version.Name, from.Name));
                return planned.Fits ? 0 : 1;
            }
            var run = await db.QueueRunAsync(
                Guid.CreateVersion7(), session.Project.Id, parsed.GetValue(recipe)!, parsed.GetValue(settings)!, version.Id, from.Id, parsed.GetValue(seed),
                parsed.GetValue(deployIf), session.Person.Id, null, cancellation);
            session.Print(
                new { run_id = run.Id, state = "queued", run.Recipe, dataset = version.Name, base_checkpoint = from.Name },
                $"Run {run.Id} is queued: {run.Recipe} on {version.Name}, starting from {from.Name}.");
            return session.Detach ? 0 : await FollowedRun.ToItsEndAsync(session, run.Id, cancellation);
        });
    }
}
