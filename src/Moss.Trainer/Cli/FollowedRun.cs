using Moss.Data.Checkpoints;
using Moss.Data.Training;

namespace Moss.Trainer.Cli;

/// <summary>Follows a training run and says what came of it.</summary>
internal static class FollowedRun
{
    /// <returns>0 when it succeeded, else 1.</returns>
    public static async Task<int> ToItsEndAsync(Session session, Guid id, CancellationToken cancellation)
    {
        var db = session.Db;
        var steps = new StepLines(id, session.Json ? line => Console.WriteLine(line.ToJsonString()) : null);
        var run = await Following.TrainingAsync(db, id, new ProgressBar(TimeProvider.System), TimeProvider.System, steps, cancellation);
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
                  (losses.Count > 1 ? $" Held-out loss {losses[0].Value:F3} before, {losses[^1].Value:F3} after{(run.Recipe is Recipes.Sft or Recipes.Quality ? " (nats per token)" : "")}." : "") + (run.Note is { } note ? $" {note}" : "")
                : $"The run is {run.State.ToString().ToLowerInvariant()}. {run.Error}");
        return run.State == RunState.Succeeded ? 0 : 1;
    }
}
