using Microsoft.EntityFrameworkCore;
using Moss.Data.Audit;
using Moss.Data.Training;

namespace Moss.Data.AgentRuns;

public static class AgentRunCommands
{
    /// <summary>Asks for a scenario to be carried out, once per id.</summary>
    public static Task<AgentRun> QueueAgentRunAsync(
        this MossDbContext db, Guid id, Guid projectId, string scenario, string scenarioName, string sha256, ScenarioSplit split, long seed,
        int totalTurns, Guid? by, CancellationToken cancellation) =>
        db.InTransactionAsync(async () =>
        {
            var splitText = split.ToString();
            var added = await db.Database.ExecuteSqlAsync($"""
                INSERT INTO agent_runs (id, project_id, state, scenario, scenario_name, scenario_sha256, split, seed, attempt, turn, total_turns,
                    checks_passed, checks_failed, requested_by, created_at)
                VALUES ({id}, {projectId}, 'Queued', {scenario}, {scenarioName}, {sha256}, {splitText}, {seed}, 0, 0, {totalTurns}, 0, 0, {by}, clock_timestamp())
                ON CONFLICT (id) DO NOTHING
                """, cancellation);
            if (added == 1)
            {
                var who = await db.WhoAsync(by, "command line", cancellation);
                await db.AuditAsync(who, "queued", $"scenario {scenarioName}", new { agent_run_id = id, sha256, seed }, cancellation);
            }
            return await db.AgentRuns.AsNoTracking().SingleAsync(r => r.Id == id, cancellation);
        }, cancellation);

    /// <summary>Asks for a scenario file to be carried out, once per id. A file that cannot be is refused with the place of its first fault.</summary>
    public static Task<AgentRun> QueueScenarioAsync(
        this MossDbContext db, Guid id, Guid projectId, string scenarioText, long? seed, Guid? by, CancellationToken cancellation)
    {
        var scenario = ScenarioFile.Read(scenarioText);
        var split = Enum.Parse<ScenarioSplit>(scenario.Split, ignoreCase: true);
        return db.QueueAgentRunAsync(
            id, projectId, scenarioText, scenario.Name, scenario.Sha256, split, seed ?? scenario.Seed, scenario.Turns.Count, by, cancellation);
    }

    /// <summary>Takes the run if it is queued or its last worker died; the attempt that later writes present, or null.</summary>
    public static async Task<int?> TryClaimAgentRunAsync(this MossDbContext db, Guid runId, TimeSpan lease, CancellationToken cancellation)
    {
        var attempts = await db.Database.SqlQuery<int>($"""
            UPDATE agent_runs SET state = 'Running', attempt = attempt + 1, lease_until = now() + {lease}
            WHERE id = {runId} AND (state = 'Queued' OR (state = 'Running' AND lease_until < now()))
            RETURNING attempt AS "Value"
            """).ToListAsync(cancellation);
        return attempts is [var attempt] ? attempt : null;
    }

    /// <summary>Keeps the lease. False means that the run was canceled or taken over: stop.</summary>
    public static async Task<bool> HeartbeatAgentRunAsync(
        this MossDbContext db, Guid runId, int attempt, TimeSpan lease, CancellationToken cancellation) =>
        await db.Database.ExecuteSqlAsync($"""
            UPDATE agent_runs SET lease_until = now() + {lease}
            WHERE id = {runId} AND attempt = {attempt} AND state = 'Running' AND cancel_requested_at IS NULL
            """, cancellation) == 1;

    /// <summary>How far the run has come. False when another worker has it; in a transaction, then roll back.</summary>
    public static async Task<bool> ProgressAgentRunAsync(
        this MossDbContext db, Guid runId, int attempt, int turn, int passed, int failed, CancellationToken cancellation) =>
        await db.Database.ExecuteSqlAsync($"""
            UPDATE agent_runs SET turn = {turn}, checks_passed = {passed}, checks_failed = {failed}
            WHERE id = {runId} AND attempt = {attempt} AND state = 'Running'
            """, cancellation) == 1;

    /// <summary>Hands the run back, to be continued after its last committed turn.</summary>
    public static Task ReleaseAgentRunAsync(this MossDbContext db, Guid runId, int attempt, CancellationToken cancellation) =>
        db.Database.ExecuteSqlAsync($"""
            UPDATE agent_runs SET state = 'Queued', lease_until = NULL WHERE id = {runId} AND attempt = {attempt} AND state = 'Running'
            """, cancellation);

    public static async Task<bool> EndAgentRunAsync(
        this MossDbContext db, Guid runId, int attempt, RunState state, string stopReason, string? error, CancellationToken cancellation)
    {
        var text = state.ToString();
        return await db.Database.ExecuteSqlAsync($"""
            UPDATE agent_runs SET state = {text}, stop_reason = {stopReason}, error = {error}, lease_until = NULL, finished_at = now()
            WHERE id = {runId} AND attempt = {attempt} AND state = 'Running'
            """, cancellation) == 1;
    }

    /// <summary>Cancels a queued run at once and asks the worker of a running one to stop. False when it had already ended.</summary>
    public static async Task<bool> CancelAgentRunAsync(this MossDbContext db, Guid runId, CancellationToken cancellation) =>
        await db.Database.ExecuteSqlAsync($"""
            UPDATE agent_runs SET cancel_requested_at = COALESCE(cancel_requested_at, now()),
                   stop_reason = CASE WHEN state = 'Queued' THEN 'canceled' ELSE stop_reason END,
                   finished_at = CASE WHEN state = 'Queued' THEN now() ELSE finished_at END,
                   state = CASE WHEN state = 'Queued' THEN 'Canceled' ELSE state END
            WHERE id = {runId} AND state IN ('Queued', 'Running')
            """, cancellation) == 1;

    public static Task<List<Guid>> ClaimableAgentRunsAsync(this MossDbContext db, CancellationToken cancellation) =>
        db.Database.SqlQuery<Guid>($"""
            SELECT id AS "Value" FROM agent_runs WHERE state = 'Queued' OR (state = 'Running' AND lease_until < now()) ORDER BY created_at, id
            """).ToListAsync(cancellation);

    /// <summary>The agent runs of a project, newest first.</summary>
    public static Task<List<AgentRun>> AgentRunsAsync(this MossDbContext db, Guid projectId, CancellationToken cancellation) =>
        db.AgentRuns.AsNoTracking().Where(r => r.ProjectId == projectId)
            .OrderByDescending(r => r.CreatedAt).ThenByDescending(r => r.Id).ToListAsync(cancellation);
}
