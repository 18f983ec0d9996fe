using Microsoft.EntityFrameworkCore;
using Moss.Data.AgentRuns;
using Moss.Data.Training;

namespace Moss.Data.Tests.AgentRuns;

public sealed class AgentRunTests(Database database) : DatabaseTest(database)
{
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task A_run_has_one_worker_and_a_stale_one_changes_nothing()
    {
        var run = await QueueAsync();
        var attempts = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Data.With(db => db.TryClaimAgentRunAsync(run.Id, TimeSpan.FromMilliseconds(1), Test))));
        await Task.Delay(20, Test);
        await using var db = Data.CreateDbContext();
        Assert.Contains(run.Id, await db.ClaimableAgentRunsAsync(Test));
        var fresh = (await db.TryClaimAgentRunAsync(run.Id, Lease, Test))!.Value;
        var stale = attempts.OfType<int>().Max();

        Assert.False(await db.ProgressAgentRunAsync(run.Id, stale, 3, 3, 0, Test));
        Assert.False(await db.HeartbeatAgentRunAsync(run.Id, stale, Lease, Test));
        Assert.False(await db.EndAgentRunAsync(run.Id, stale, RunState.Failed, "error", "stale", Test));
        Assert.True(await db.ProgressAgentRunAsync(run.Id, fresh, 1, 2, 1, Test));
        await db.ReleaseAgentRunAsync(run.Id, fresh, Test);
        var last = (await db.TryClaimAgentRunAsync(run.Id, Lease, Test))!.Value;
        Assert.True(await db.EndAgentRunAsync(run.Id, last, RunState.Succeeded, "script_finished", null, Test));

        var ended = Assert.Single(await db.AgentRunsAsync(run.ProjectId, Test));
        Assert.Equal((RunState.Succeeded, 1, 2, 1, "script_finished"), (ended.State, ended.Turn, ended.ChecksPassed, ended.ChecksFailed, ended.StopReason));
        Assert.False(await db.CancelAgentRunAsync(run.Id, Test));
    }

    [Fact]
    public async Task A_recorded_answer_is_never_asked_for_twice_and_a_call_in_flight_counts()
    {
        var run = await QueueAsync();
        await using var db = Data.CreateDbContext();
        Task<AgentCall> Reserve() => Data.With(other => other.ReserveCallAsync(run.Id, 0, 1, "target", 0, 7, Test));

        var first = await Reserve();
        var second = await Reserve(); // the worker died while the first was in flight
        Assert.False(await db.SettleCallAsync(first.Id, null, null, Test)); // and its answer comes too late
        Assert.True(await db.SettleCallAsync(second.Id, null, "timeout", Test));
        var third = await Reserve();
        Assert.True(await db.SettleCallAsync(third.Id, null, null, Test));
        var recorded = await Reserve();

        Assert.Equal((third.Id, AgentCallState.Ok), (recorded.Id, recorded.State));
        Assert.Equal([AgentCallState.InDoubt, AgentCallState.Failed, AgentCallState.Ok],
            await db.AgentCalls.Where(c => c.RunId == run.Id).OrderBy(c => c.Attempt).Select(c => c.State).ToListAsync(Test));
    }

    [Fact]
    public async Task A_queued_run_is_canceled_at_once()
    {
        var run = await QueueAsync();
        await using var db = Data.CreateDbContext();
        Assert.True(await db.CancelAgentRunAsync(run.Id, Test));
        Assert.Null(await db.TryClaimAgentRunAsync(run.Id, Lease, Test));
        var ended = await db.AgentRuns.AsNoTracking().SingleAsync(r => r.Id == run.Id, Test);
        Assert.Equal((RunState.Canceled, "canceled"), (ended.State, ended.StopReason));
    }

    private async Task<AgentRun> QueueAsync()
    {
        var project = await Data.ProjectAsync();
        var id = Guid.CreateVersion7();
        var runs = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Data.With(db => db.QueueAgentRunAsync(
            id, project.Id, "schema: moss.scenario/v1", "films@1", new string('c', 64), ScenarioSplit.Train, 1, 3, null, Test))));
        return runs[0];
    }
}
