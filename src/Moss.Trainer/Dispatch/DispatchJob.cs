using System.Linq.Expressions;
using Hangfire;
using Hangfire.States;
using Hangfire.Storage;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.AgentRuns;
using Moss.Data.Training;
using Moss.Trainer.AgentRuns;
using Moss.Trainer.Local;
using Moss.Trainer.Training;
using Moss.Trainer.Training.Planning;

namespace Moss.Trainer.Dispatch;

/// <summary>Looks for rows that ask for work and gives each a Hangfire job. Rows are the truth: a job too many finds nothing to claim.</summary>
[Queue(Queues.Dispatch)]
[AutomaticRetry(Attempts = 0)]
[ShortLived]
internal sealed class DispatchJob(
    IDbContextFactory<MossDbContext> factory, IBackgroundJobClient jobs, JobStorage storage, Schedules schedules, Installation installation)
{
    public async Task RunAsync(CancellationToken shutdown)
    {
        await using var db = await factory.CreateDbContextAsync(shutdown);
        var runs = await db.ClaimableRunsAsync(shutdown);
        foreach (var run in await db.TrainingRuns.Where(r => runs.Contains(r.Id)).Select(r => new { r.Id, r.Attempt }).ToListAsync(shutdown))
            Once<TrainingJob>($"moss:training:{run.Id}:{run.Attempt}", job => job.RunAsync(run.Id, CancellationToken.None));

        var agentRuns = await db.ClaimableAgentRunsAsync(shutdown);
        foreach (var run in await db.AgentRuns.Where(r => agentRuns.Contains(r.Id)).Select(r => new { r.Id, r.Attempt }).ToListAsync(shutdown))
            Once<AgentRunJob>($"moss:agent-run:{run.Id}:{run.Attempt}", job => job.RunAsync(run.Id, CancellationToken.None));

        foreach (var plan in await db.OpenPlansAsync(shutdown)) Once<PlanJob>($"moss:plan:{plan}", job => job.RunAsync(plan, CancellationToken.None));

        await TidyAsync(db, shutdown);
        await schedules.LookAsync(shutdown); // last: a schedule that freezes for minutes keeps nobody's run waiting
    }

    /// <summary>A child whose worker was killed may publish all the same; then nobody is left to delete what the run kept on disk.</summary>
    private async Task TidyAsync(MossDbContext db, CancellationToken shutdown)
    {
        if (RunFolder.Known(installation.State) is not { Count: > 0 } kept) return;
        var ended = await db.TrainingRuns.Where(r => kept.Contains(r.Id) && r.State != RunState.Queued && r.State != RunState.Running)
            .Select(r => r.Id).ToListAsync(shutdown);
        foreach (var run in ended) new RunFolder(installation.State, run).DeleteUnlessInUse();
    }

    /// <summary>One waiting or working job per row and attempt. A claim raises the attempt, so a run that comes back gets a new job.</summary>
    private void Once<TJob>(string key, Expression<Func<TJob, Task>> call)
    {
        using var connection = storage.GetConnection();
        if (connection.GetAllEntriesFromHash(key)?.GetValueOrDefault("job") is { } known
            && connection.GetStateData(known)?.Name is var state && (state == EnqueuedState.StateName || state == ProcessingState.StateName)) return;

        var job = jobs.Enqueue(call);
        using var write = connection.CreateWriteTransaction();
        write.SetRangeInHash(key, [new("job", job)]);
        if (write is JobStorageTransaction transaction) transaction.ExpireHash(key, TimeSpan.FromDays(1));
        write.Commit();
    }
}
