using Hangfire;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Moss.Data;
using Moss.Data.Training;
using Moss.Model.Learning;
using Moss.Trainer.Dispatch;
using Moss.Trainer.Local;

namespace Moss.Trainer.Training;

/// <summary>Carries one training run from queued to its end, however many workers die on the way.</summary>
/// <remarks>
/// Idempotent: only the holder of the newest attempt works, so a job delivered twice trains once.
/// Cancellable: each heartbeat asks. Resumable: the child continues from the state it saved last.
/// </remarks>
[Queue(Queues.Gpu)]
[AutomaticRetry(Attempts = 0)] // out-of-memory and NaN do not heal by themselves: fail loudly
internal sealed class TrainingJob(
    IDbContextFactory<MossDbContext> factory, IOptions<WorkSettings> options, Installation installation, ILogger<TrainingJob> logger)
{
    /// <summary>What a child gets to save its state before it is killed.</summary>
    internal static readonly TimeSpan ShutdownGrace = TimeSpan.FromSeconds(10);

    private const int MostHalvings = 3; // an eighth: whoever needs less needs another setting

    private readonly WorkSettings _settings = options.Value;

    public async Task RunAsync(Guid runId, CancellationToken shutdown)
    {
        int attempt;
        await using (var db = await factory.CreateDbContextAsync(shutdown))
        {
            if (await db.TryClaimAsync(runId, _settings.Lease, shutdown) is not { } claimed)
            {
                logger.LogInformation("Run {RunId} has ended or is being trained already; nothing to do", runId);
                return;
            }
            attempt = claimed;
        }

        var folder = new RunFolder(installation.State, runId);
        if (!folder.BeginAttempt(attempt))
        {
            await EndAsync(runId, attempt, folder, RunState.Failed,
                $"The training process died {RunFolder.MaxAttemptsWithoutProgress} times at step {folder.Newest()?.Step ?? 0} without getting further. " +
                $"{(await NoteOfAsync(runId))} Look at the worker's log, then queue the run again.");
            return;
        }

        logger.LogInformation("Run {RunId} attempt {Attempt}: training from step {Step}", runId, attempt, folder.Newest()?.Step ?? 0);
        var killsBefore = MemoryKills.Count();
        using var child = TrainingChild.Start(runId, attempt, Variables(), said => Log(runId, said));
        switch (await WatchAsync(runId, attempt, child, shutdown))
        {
            case Watched.ShuttingDown:
                await child.StopAsync(ShutdownGrace);
                folder.ForgetAttempt(attempt);
                await ReleaseAsync(runId, attempt, "The worker was shut down; the run goes on from its last saved step.");
                break;
            case Watched.LostDatabase:
                await child.StopAsync(ShutdownGrace); // the lease has run out: whoever claims next goes on from the saved state
                folder.ForgetAttempt(attempt);
                logger.LogWarning("Run {RunId}: the database was away for longer than the lease; stopped", runId);
                break;
            case Watched.Published:
                await child.StopAsync(ShutdownGrace); // all that is left to it is to end
                folder.Delete();
                break;
            case Watched.NotOurs:
                await child.StopAsync(ShutdownGrace);
                await EndAsync(runId, attempt, folder, RunState.Canceled, null);
                break;
            default:
                await AfterAsync(runId, attempt, folder, child, await child.Ended, killsBefore);
                break;
        }
    }

    private enum Watched { Ended, Published, NotOurs, LostDatabase, ShuttingDown }

    /// <summary>Keeps the lease while the child works.</summary>
    private async Task<Watched> WatchAsync(Guid runId, int attempt, TrainingChild child, CancellationToken shutdown)
    {
        while (true)
        {
            try
            {
                if (await Task.WhenAny(child.Ended, Task.Delay(_settings.Heartbeat, shutdown)) == child.Ended) return Watched.Ended;
                shutdown.ThrowIfCancellationRequested();
                var patience = _settings.Lease - _settings.Heartbeat;
                if (await factory.RetryAsync((db, token) => db.HeartbeatAsync(runId, attempt, _settings.Lease, token), patience, shutdown)) continue;

                // Published by our own child meanwhile, or canceled, or taken over.
                var state = await factory.RetryAsync(
                    (db, token) => db.TrainingRuns.Where(r => r.Id == runId).Select(r => r.State).SingleAsync(token), patience, shutdown);
                return state == RunState.Succeeded ? Watched.Published : Watched.NotOurs;
            }
            catch (OperationCanceledException) when (shutdown.IsCancellationRequested)
            {
                return Watched.ShuttingDown;
            }
            catch (Exception e) when (Db.IsUnreachable(e))
            {
                return Watched.LostDatabase;
            }
        }
    }

    private async Task AfterAsync(Guid runId, int attempt, RunFolder folder, TrainingChild child, int exitCode, long killsBefore)
    {
        logger.LogInformation("Run {RunId} attempt {Attempt}: the training process ended with code {ExitCode}", runId, attempt, exitCode);
        if (exitCode == (int)ChildExit.Published)
        {
            folder.Delete();
        }
        else if (exitCode == (int)ChildExit.Lost)
        {
            await EndAsync(runId, attempt, folder, RunState.Canceled, null); // changes nothing if another worker has it
        }
        else if (exitCode == (int)ChildExit.Stopped)
        {
            // Not at our word: the database was away for longer than its patience, or the system told it to end.
            await ReleaseAsync(runId, attempt, $"The training process stopped; the run goes on from its last saved step. {child.Errors}".Trim());
        }
        else if (child.Failure is null && RanOutOfMemory(child, exitCode, killsBefore))
        {
            await AfterMemoryAsync(runId, attempt, folder, child);
        }
        else if (child.Failure is null && TrainingChild.WasKilled(exitCode))
        {
            await ReleaseAsync(runId, attempt, $"The training process was killed (code {exitCode}); the run goes on from its last saved step. {child.Errors}".Trim());
        }
        else
        {
            await EndAsync(runId, attempt, folder, RunState.Failed,
                child.Failure ?? $"The training process ended with code {exitCode}. Its last words: {(child.Errors.Length > 0 ? child.Errors : "none")}");
        }
    }

    /// <summary>By its own word, by its last words, or because the kernel says that it killed for want of memory. A kill by people changes no bit of a run.</summary>
    private static bool RanOutOfMemory(TrainingChild child, int exitCode, long killsBefore) => exitCode == (int)ChildExit.OutOfMemory
        || (TrainingChild.WasKilled(exitCode)
            && (OutOfMemory.IsSaidIn(child.Errors) || (TrainingChild.WasKilledOutright(exitCode) && MemoryKills.Count() > killsBefore)));

    private async Task AfterMemoryAsync(Guid runId, int attempt, RunFolder folder, TrainingChild child)
    {
        if (folder.Halvings >= MostHalvings)
        {
            await EndAsync(runId, attempt, folder, RunState.Failed,
                $"Memory ran out {MostHalvings + 1} times, the last time with at most 1/{1 << MostHalvings} of the tokens per forward pass, or one example, and each layer computed twice. " +
                $"Lower max_tokens, set lora_rank, or use a machine with more memory. {child.Errors}".Trim());
            return;
        }
        folder.Halve();
        await ReleaseAsync(runId, attempt, $"Memory ran out and ended the training process at step {folder.Newest()?.Step ?? 0} or later; " +
            $"the run goes on from there with at most 1/{1 << folder.Halvings} of the tokens per forward pass, or one example, and computes each layer again on the way back; the batch is the same.");
    }

    private async Task EndAsync(Guid runId, int attempt, RunFolder folder, RunState state, string? error)
    {
        var ours = await factory.RetryAsync(
            (db, token) => db.EndAsync(runId, attempt, state, error, token), _settings.Lease, CancellationToken.None);
        if (ours) folder.Delete();
        logger.LogInformation("Run {RunId} attempt {Attempt}: {State} {Error}", runId, attempt, ours ? state : "not ours any more", error);
    }

    private Task ReleaseAsync(Guid runId, int attempt, string note) => factory.RetryAsync(async (db, token) =>
    {
        await db.AddNoteAsync(runId, attempt, note, token);
        await db.ReleaseAsync(runId, attempt, token);
    }, _settings.Lease, CancellationToken.None);

    private Task<string?> NoteOfAsync(Guid runId) => factory.RetryAsync(
        (db, token) => db.TrainingRuns.Where(r => r.Id == runId).Select(r => r.Note).SingleAsync(token), _settings.Lease, CancellationToken.None);

    private Dictionary<string, string> Variables()
    {
        using var db = factory.CreateDbContext();
        var variables = installation.Variables();
        variables[Installation.DatabaseVariable] = db.Database.GetConnectionString()!;
        return variables;
    }

    private void Log(Guid runId, ChildReport said)
    {
        if (said.Phase is { } phase) logger.LogInformation("Run {RunId}: {Phase}", runId, phase);
        if (said.Failed is { } failed) logger.LogError("Run {RunId}: {Failed}", runId, failed);
    }
}
