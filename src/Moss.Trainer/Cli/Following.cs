using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.AgentRuns;
using Moss.Data.Checkpoints;
using Moss.Data.Training;

namespace Moss.Trainer.Cli;

/// <summary>Watches a row until what it asks for is done, with a progress bar.</summary>
internal static class Following
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200), NobodyWorks = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ServerLoads = TimeSpan.FromSeconds(60), ServerIsAlive = TimeSpan.FromSeconds(30);

    /// <param name="steps">Reads what the run records; null when nobody wants to know.</param>
    public static async Task<TrainingRun> TrainingAsync(
        MossDbContext db, Guid id, ProgressBar bar, TimeProvider clock, StepLines? steps, CancellationToken cancellation)
    {
        var started = clock.GetTimestamp();
        while (true)
        {
            var run = await db.TrainingRuns.AsNoTracking().SingleAsync(r => r.Id == id, cancellation);
            if (run.State is not (RunState.Queued or RunState.Running))
            {
                if (steps is not null) await steps.ReadAsync(db, cancellation);
                bar.End();
                return run;
            }
            bar.Show(
                run.State == RunState.Queued ? Waiting("run", clock.GetElapsedTime(started)) : run.TotalSteps is null ? "loading" : $"step {run.Step} of {run.TotalSteps}",
                run.TotalSteps is { } total ? (double)run.Step / total : -1,
                steps is null ? null : await steps.ReadAsync(db, cancellation));
            await Task.Delay(Look, clock, cancellation);
        }
    }

    public static async Task<AgentRun> AgentRunAsync(MossDbContext db, Guid id, ProgressBar bar, TimeProvider clock, CancellationToken cancellation)
    {
        var started = clock.GetTimestamp();
        while (true)
        {
            var run = await db.AgentRuns.AsNoTracking().SingleAsync(r => r.Id == id, cancellation);
            if (run.State is not (RunState.Queued or RunState.Running))
            {
                bar.End();
                return run;
            }
            bar.Show(run.State == RunState.Queued ? Waiting("agent run", clock.GetElapsedTime(started)) : $"turn {run.Turn} of {run.TotalTurns}",
                run.State == RunState.Queued ? -1 : (double)run.Turn / run.TotalTurns);
            await Task.Delay(Look, clock, cancellation);
        }
    }

    /// <summary>
    /// Waits until a server has the checkpoint loaded; false when none gets it in a minute, with the server's own reason; null when there is no server to wait for.
    /// </summary>
    public static async Task<(bool? Loaded, string? Why)> ServersAsync(
        MossDbContext db, Checkpoint checkpoint, ProgressBar bar, TimeProvider clock, CancellationToken cancellation)
    {
        var started = clock.GetTimestamp();
        while (true)
        {
            var now = await db.Database.SqlQuery<DateTime>($"""SELECT now() AS "Value" """).SingleAsync(cancellation);
            var alive = (await db.Servers.AsNoTracking().ToListAsync(cancellation)).Where(s => now - s.SeenAt.UtcDateTime < ServerIsAlive).ToList();
            if (alive.Count == 0) return (null, "No model server is running; the next one that starts will load it.");
            if (alive.Exists(s => s.Loaded.Contains(checkpoint.Id.ToString(), StringComparison.Ordinal)))
            {
                bar.End();
                return (true, null);
            }
            if (clock.GetElapsedTime(started) > ServerLoads) return (false, alive.Select(s => s.Error).FirstOrDefault(e => e is not null) ?? "No server has loaded it within a minute.");
            bar.Show($"{alive[0].Url} loads {checkpoint.Name}", -1);
            await Task.Delay(Look, clock, cancellation);
        }
    }

    private static string Waiting(string what, TimeSpan waited) =>
        waited < NobodyWorks ? $"the {what} waits in the queue" : $"the {what} waits in the queue; is `./moss up` or `./moss work` running?";
}
