using Microsoft.EntityFrameworkCore;

namespace Moss.Data.AgentRuns;

public static class AgentCallCommands
{
    /// <summary>
    /// The call to make for this seat and turn: a recorded one (Ok: do not ask again), or a new attempt, Sent, committed before the request leaves.
    /// A call found Sent was in flight at a crash: it becomes InDoubt and counts, and the next attempt is made.
    /// </summary>
    public static Task<AgentCall> ReserveCallAsync(
        this MossDbContext db, Guid runId, int dialogue, int turn, string seat, int sample, long seed, CancellationToken cancellation) =>
        db.InTransactionAsync(async () =>
        {
            await db.LockAsync($"call:{runId}:{dialogue}:{turn}:{seat}:{sample}", cancellation);
            var earlier = await db.AgentCalls.AsNoTracking()
                .Where(c => c.RunId == runId && c.Dialogue == dialogue && c.Turn == turn && c.Seat == seat && c.Sample == sample)
                .OrderByDescending(c => c.Attempt).ToListAsync(cancellation);
            if (earlier.Find(c => c.State == AgentCallState.Ok) is { } recorded) return recorded;
            await db.Database.ExecuteSqlAsync($"""
                UPDATE agent_calls SET state = 'InDoubt', error = 'in flight when its worker went away'
                WHERE run_id = {runId} AND dialogue = {dialogue} AND turn = {turn} AND seat = {seat} AND sample = {sample} AND state IN ('Reserved', 'Sent')
                """, cancellation);
            var id = Guid.CreateVersion7();
            var attempt = earlier.Count == 0 ? 1 : earlier[0].Attempt + 1;
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO agent_calls (id, run_id, dialogue, turn, seat, sample, attempt, state, seed, created_at)
                VALUES ({id}, {runId}, {dialogue}, {turn}, {seat}, {sample}, {attempt}, 'Sent', {seed}, clock_timestamp())
                """, cancellation);
            return await db.AgentCalls.AsNoTracking().SingleAsync(c => c.Id == id, cancellation);
        }, cancellation);

    /// <summary>Records what came of a call: the reply that was stored for it, or an error. False when it was settled or doubted before.</summary>
    public static async Task<bool> SettleCallAsync(
        this MossDbContext db, Guid callId, Guid? messageId, string? error, CancellationToken cancellation)
    {
        var state = error is null ? "Ok" : "Failed";
        return await db.Database.ExecuteSqlAsync($"""
            UPDATE agent_calls SET state = {state}, message_id = {messageId}, error = {error} WHERE id = {callId} AND state = 'Sent'
            """, cancellation) == 1;
    }
}
