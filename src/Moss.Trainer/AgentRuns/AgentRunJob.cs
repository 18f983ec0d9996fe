using Hangfire;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Moss.Data;
using Moss.Data.AgentRuns;
using Moss.Data.Training;
using Moss.Trainer.Dispatch;

namespace Moss.Trainer.AgentRuns;

/// <summary>Carries one agent run from queued to its end: asks MOSS turn by turn, one transaction per turn, and goes on after the last stored one.</summary>
[Queue(Queues.Light)]
[AutomaticRetry(Attempts = 0)]
internal sealed class AgentRunJob(
    IDbContextFactory<MossDbContext> factory, MossClient moss, IOptions<WorkSettings> options, TimeProvider clock, ILogger<AgentRunJob> logger)
{
    private static readonly TimeSpan ServerPatience = TimeSpan.FromMinutes(2); // a server may be restarting or loading

    private readonly WorkSettings _settings = options.Value;

    public async Task RunAsync(Guid runId, CancellationToken shutdown)
    {
        int attempt;
        await using (var db = await factory.CreateDbContextAsync(shutdown))
        {
            if (await db.TryClaimAgentRunAsync(runId, _settings.Lease, shutdown) is not { } claimed)
            {
                logger.LogInformation("Agent run {RunId} has ended or is being carried out already; nothing to do", runId);
                return;
            }
            attempt = claimed;
        }

        using var mine = CancellationTokenSource.CreateLinkedTokenSource(shutdown);
        using var done = new CancellationTokenSource();
        var heart = BeatAsync(runId, attempt, mine, done.Token);
        string? stopReason = null, error = null;
        try
        {
            (stopReason, error) = await ConverseAsync(runId, attempt, mine.Token);
        }
        catch (OperationCanceledException) when (mine.IsCancellationRequested)
        {
            // Also when the heart lost the database: then nobody canceled anything, and the run is handed back.
            if (!shutdown.IsCancellationRequested && await heart) stopReason = StopRules.Canceled;
        }
        catch (Exception e) when (Db.IsUnreachable(e))
        {
            logger.LogWarning("Agent run {RunId}: the database stayed away; the next worker goes on", runId);
            return;
        }
        catch (Exception e)
        {
            logger.LogError(e, "Agent run {RunId} failed", runId);
            (stopReason, error) = (StopRules.Error, e.Message);
        }
        finally
        {
            await done.CancelAsync();
            await heart;
        }

        if (stopReason is null) await RetryAsync((db, token) => db.ReleaseAgentRunAsync(runId, attempt, token));
        else await EndAsync(runId, attempt, stopReason, error);
    }

    private async Task<(string StopReason, string? Error)> ConverseAsync(Guid runId, int attempt, CancellationToken cancellation)
    {
        var run = await RetryAsync((db, token) => db.AgentRuns.AsNoTracking().SingleAsync(r => r.Id == runId, token));
        var scenario = ScenarioFile.Read(run.Scenario);
        var dialogue = await RetryAsync((db, token) => AgentDialogue.OpenAsync(db, run, scenario, attempt, token));

        // A worker may have died between the last turn and the end of the run.
        if (dialogue.Turn > 0 && StopRules.After(
            scenario, dialogue.Turn, dialogue.Replies, dialogue.Seconds, dialogue.Tokens, LastFailed(scenario, dialogue), empty: false) is { } already)
            return (already, null);

        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (await RetryAsync(dialogue.NextCallAsync) is not var (call, asking)) return (StopRules.EmptyReply, null);

            Answer answer;
            try
            {
                answer = await moss.AskAsync(asking, ServerPatience, clock, cancellation);
            }
            catch (AskingException e)
            {
                await RetryAsync((db, token) => db.SettleCallAsync(call.Id, null, e.Message, token));
                return (StopRules.Error, e.Message);
            }
            if (string.IsNullOrWhiteSpace(answer.Text))
            {
                await RetryAsync((db, token) => AgentDialogue.RejectEmptyAsync(db, call, token));
                continue;
            }
            if (await RetryAsync((db, token) => dialogue.StoreAsync(db, call, asking, answer, token)) is not { } results)
                throw new OperationCanceledException("Another worker has the run.", cancellation);

            logger.LogInformation("Agent run {RunId}: turn {Turn} of {Turns}, {Failed} checks failed", runId, dialogue.Turn, scenario.Turns.Count, results.Count(r => !r.Passed));
            var failed = results.Any(r => r is { Passed: false, Check.Required: true });
            if (StopRules.After(scenario, dialogue.Turn, dialogue.Replies, dialogue.Seconds, dialogue.Tokens, failed, empty: false) is { } reason)
                return (reason, null);
        }
    }

    private static bool LastFailed(Scenario scenario, AgentDialogue dialogue) =>
        Checks.Run(scenario.Turns[dialogue.Turn - 1].Expect, dialogue.Replies[^1]).Any(r => r is { Passed: false, Check.Required: true });

    /// <summary>Keeps the lease while the conversation goes on; cancels it when the run is canceled, taken over, or cannot be kept.</summary>
    /// <returns>True when the row itself said no: the run was canceled or taken over.</returns>
    private async Task<bool> BeatAsync(Guid runId, int attempt, CancellationTokenSource mine, CancellationToken done)
    {
        try
        {
            while (true)
            {
                if (!await factory.RetryAsync(
                    (db, token) => db.HeartbeatAgentRunAsync(runId, attempt, _settings.Lease, token), _settings.Lease - _settings.Heartbeat, done)) break;
                await Task.Delay(_settings.Heartbeat, clock, done);
            }
            await mine.CancelAsync();
            return true;
        }
        catch (OperationCanceledException) when (done.IsCancellationRequested)
        {
            return false; // the conversation has ended
        }
        catch (Exception e) when (Db.IsUnreachable(e))
        {
            await mine.CancelAsync();
            return false;
        }
    }

    private async Task EndAsync(Guid runId, int attempt, string stopReason, string? error)
    {
        var state = stopReason switch { StopRules.Canceled => RunState.Canceled, StopRules.Error => RunState.Failed, _ => RunState.Succeeded };
        var ours = await RetryAsync((db, token) => db.EndAgentRunAsync(runId, attempt, state, stopReason, error, token));
        logger.LogInformation("Agent run {RunId}: {State}, {StopReason} {Error}", runId, ours ? state : "not ours any more", stopReason, error);
    }

    private Task<T> RetryAsync<T>(Func<MossDbContext, CancellationToken, Task<T>> work) => factory.RetryAsync(work, _settings.Lease, CancellationToken.None);

    private Task RetryAsync(Func<MossDbContext, CancellationToken, Task> work) => factory.RetryAsync(work, _settings.Lease, CancellationToken.None);
}
