using Microsoft.EntityFrameworkCore;
using Moss.Data.Deployments;
using Moss.Data.Training;

namespace Moss.Data.Checkpoints;

/// <summary>A checkpoint with where it came from and where it was deployed.</summary>
public sealed record CheckpointRow(Checkpoint Checkpoint, Checkpoint? Parent, TrainingRun? Run, IReadOnlyList<Deployment> Deployments);

public static class CheckpointQueries
{
    /// <summary>All checkpoints, newest first.</summary>
    public static async Task<List<CheckpointRow>> CheckpointsAsync(this MossDbContext db, CancellationToken cancellation)
    {
        var rows = await (
            from c in db.Checkpoints.AsNoTracking()
            join p in db.Checkpoints.AsNoTracking() on c.ParentId equals p.Id into parents
            from parent in parents.DefaultIfEmpty()
            join r in db.TrainingRuns.AsNoTracking() on c.TrainingRunId equals r.Id into runs
            from run in runs.DefaultIfEmpty()
            orderby c.CreatedAt descending, c.Id descending
            select new { c, parent, run }).ToListAsync(cancellation);
        var deployments = (await db.Deployments.AsNoTracking().OrderByDescending(d => d.StartedAt).ToListAsync(cancellation)).ToLookup(d => d.CheckpointId);
        return [.. rows.Select(r => new CheckpointRow(r.c, r.parent, r.run, [.. deployments[r.c.Id]]))];
    }

    /// <summary>The checkpoint of this name or id; a sentence when there is none.</summary>
    public static async Task<Checkpoint> FindCheckpointAsync(this MossDbContext db, string nameOrId, CancellationToken cancellation)
    {
        Guid? id = Guid.TryParse(nameOrId, out var parsed) ? parsed : null;
        return await db.Checkpoints.AsNoTracking().FirstOrDefaultAsync(c => c.Name == nameOrId || c.Id == id, cancellation)
            ?? throw new MossInputException($"There is no checkpoint '{nameOrId}'. It is a checkpoint's name or id, as the page Checkpoints lists them.");
    }
}
