using Microsoft.EntityFrameworkCore;

namespace Moss.Data.Training;

public static class TrainingRunCommands
{
    /// <summary>Takes the run for this worker if it is queued or its last worker died. One winner, always.</summary>
    /// <returns>The attempt (fencing number) that every later write must present, or null when there is nothing to do.</returns>
    public static async Task<int?> TryClaimAsync(this MossDbContext db, Guid runId, TimeSpan lease, CancellationToken cancellation)
    {
        // The database's clock decides, so that hosts need not agree on the time.
        var attempts = await db.Database.SqlQuery<int>($"""
            UPDATE training_runs SET state = 'Running', attempt = attempt + 1, lease_until = now() + {lease},
                   started_at = COALESCE(started_at, now())
            WHERE id = {runId} AND (state = 'Queued' OR (state = 'Running' AND lease_until < now()))
            RETURNING attempt AS "Value"
            """).ToListAsync(cancellation);
        return attempts is [var attempt] ? attempt : null;
    }

    /// <summary>Keeps the lease. False means that the run was canceled or taken over: stop.</summary>
    public static async Task<bool> HeartbeatAsync(
        this MossDbContext db, Guid runId, int attempt, TimeSpan lease, CancellationToken cancellation) =>
        await db.Database.ExecuteSqlAsync($"""
            UPDATE training_runs SET lease_until = now() + {lease}
            WHERE id = {runId} AND attempt = {attempt} AND state = 'Running' AND cancel_requested_at IS NULL
            """, cancellation) == 1;

    /// <summary>Records a step and its numbers in one statement. False when another worker has the run.</summary>
    public static async Task<bool> RecordStepAsync(
        this MossDbContext db, Guid runId, int attempt, int step, int totalSteps,
        IReadOnlyDictionary<string, double> metrics, CancellationToken cancellation)
    {
        var (names, values) = (metrics.Keys.ToArray(), metrics.Values.ToArray());
        return await db.Database.ExecuteSqlAsync($"""
            WITH mine AS (
                UPDATE training_runs SET step = GREATEST(step, {step}), total_steps = {totalSteps}
                WHERE id = {runId} AND attempt = {attempt} AND state = 'Running' RETURNING id)
            INSERT INTO training_metrics (run_id, step, name, value, at)
            SELECT mine.id, {step}, m.name, m.value, now() FROM mine, unnest({names}, {values}) AS m (name, value)
            ON CONFLICT (run_id, step, name) DO UPDATE SET value = excluded.value, at = excluded.at
            """, cancellation) == names.Length;
    }

    /// <summary>Says in the row what the worker wants people to know.</summary>
    public static Task NoteAsync(this MossDbContext db, Guid runId, int attempt, string note, CancellationToken cancellation) =>
        db.Database.ExecuteSqlAsync($"UPDATE training_runs SET note = {note} WHERE id = {runId} AND attempt = {attempt}", cancellation);

    /// <summary>Adds a sentence to what the row says already; the same sentence is said once.</summary>
    public static Task AddNoteAsync(this MossDbContext db, Guid runId, int attempt, string sentence, CancellationToken cancellation) =>
        db.Database.ExecuteSqlAsync($"""
            UPDATE training_runs SET note = concat_ws(' ', note, {sentence}::text)
            WHERE id = {runId} AND attempt = {attempt} AND position({sentence} IN COALESCE(note, '')) = 0
            """, cancellation);

    /// <summary>Hands the run back so that the next worker may take it at once, from its last saved state.</summary>
    public static Task ReleaseAsync(this MossDbContext db, Guid runId, int attempt, CancellationToken cancellation) =>
        db.Database.ExecuteSqlAsync($"""
            UPDATE training_runs SET state = 'Queued', lease_until = NULL
            WHERE id = {runId} AND attempt = {attempt} AND state = 'Running'
            """, cancellation);

    /// <summary>Ends the run without a checkpoint. A worker whose lease was taken away changes nothing.</summary>
    public static async Task<bool> EndAsync(
        this MossDbContext db, Guid runId, int attempt, RunState state, string? error, CancellationToken cancellation)
    {
        var text = state.ToString();
        return await db.Database.ExecuteSqlAsync($"""
            UPDATE training_runs SET state = {text}, error = {error}, lease_until = NULL, finished_at = now()
            WHERE id = {runId} AND attempt = {attempt} AND state = 'Running'
            """, cancellation) == 1;
    }

    /// <summary>Cancels a queued run at once and asks the worker of a running one to stop. False when it had already ended.</summary>
    public static async Task<bool> CancelAsync(this MossDbContext db, Guid runId, CancellationToken cancellation) =>
        await db.Database.ExecuteSqlAsync($"""
            UPDATE training_runs SET cancel_requested_at = COALESCE(cancel_requested_at, now()),
                   state = CASE WHEN state = 'Queued' THEN 'Canceled' ELSE state END,
                   finished_at = CASE WHEN state = 'Queued' THEN now() ELSE finished_at END
            WHERE id = {runId} AND state IN ('Queued', 'Running')
            """, cancellation) == 1;
}
