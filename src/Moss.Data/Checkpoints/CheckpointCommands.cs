using Microsoft.EntityFrameworkCore;

namespace Moss.Data.Checkpoints;

public static class CheckpointCommands
{
    /// <summary>Registers a checkpoint that no run of ours made, once; a folder with the same manifest is the same checkpoint.</summary>
    public static async Task<Checkpoint> RegisterBaseAsync(this MossDbContext db, Checkpoint checkpoint, CancellationToken cancellation)
    {
        if (await ByManifestAsync() is { } known) return known;
        db.Checkpoints.Add(checkpoint);
        try
        {
            await db.SaveChangesAsync(cancellation);
            return checkpoint;
        }
        catch (DbUpdateException) when (!cancellation.IsCancellationRequested)
        {
            db.ChangeTracker.Clear();
            if (await ByManifestAsync() is { } raced) return raced; // another process registered the same folder
            throw;
        }

        Task<Checkpoint?> ByManifestAsync() =>
            db.Checkpoints.AsNoTracking().SingleOrDefaultAsync(c => c.ManifestSha256 == checkpoint.ManifestSha256, cancellation);
    }

    /// <summary>Publishes what a run made and ends the run, in the caller's transaction or one of its own. False when the attempt no longer holds the run: nothing is written.</summary>
    public static Task<bool> PublishAsync(this MossDbContext db, Checkpoint checkpoint, int attempt, CancellationToken cancellation)
    {
        var runId = checkpoint.TrainingRunId ?? throw new ArgumentException("A published checkpoint names its run.", nameof(checkpoint));
        return db.InTransactionAsync(async () =>
        {
            var mine = await db.Database.SqlQuery<Guid>($"""
                SELECT id AS "Value" FROM training_runs
                WHERE id = {runId} AND attempt = {attempt} AND state = 'Running' AND cancel_requested_at IS NULL FOR UPDATE
                """).ToListAsync(cancellation);
            if (mine.Count == 0) return false;

            db.Checkpoints.Add(checkpoint);
            await db.SaveChangesAsync(cancellation);
            await db.Database.ExecuteSqlAsync($"""
                UPDATE training_runs SET state = 'Succeeded', output_checkpoint_id = {checkpoint.Id}, lease_until = NULL, error = NULL, finished_at = now()
                WHERE id = {runId}
                """, cancellation);
            return true;
        }, cancellation);
    }
}
