using Microsoft.EntityFrameworkCore;
using Moss.Annotate.Features.Training;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Deployments;
using Moss.Data.Training;

namespace Moss.Annotate.Features.Checkpoints;

/// <summary>A checkpoint with its run, the data it learned from, its curve, its family and its deployments.</summary>
public sealed record CheckpointDetail(
    Checkpoint Checkpoint, TrainingRun? Run, DatasetVersion? Version, string? RequestedBy, LossChange? EvalLoss,
    IReadOnlyList<(int Step, double Value)> Loss, IReadOnlyList<(int Step, double Value)> Eval,
    List<Checkpoint> Ancestors, List<Checkpoint> Children, List<DeploymentRow> Deployments)
{
    /// <summary>Null when there is no such checkpoint.</summary>
    public static async Task<CheckpointDetail?> LoadAsync(MossDbContext db, Guid id, CancellationToken cancellation)
    {
        var checkpoint = await db.Checkpoints.AsNoTracking().SingleOrDefaultAsync(c => c.Id == id, cancellation);
        if (checkpoint is null) return null;
        var run = await db.TrainingRuns.AsNoTracking().SingleOrDefaultAsync(r => r.Id == checkpoint.TrainingRunId, cancellation);
        var version = run is null ? null : await db.DatasetVersions.AsNoTracking().SingleAsync(v => v.Id == run.DatasetVersionId, cancellation);
        var by = run is null ? null : await db.Annotators.Where(a => a.Id == run.RequestedBy).Select(a => a.DisplayName).FirstOrDefaultAsync(cancellation);
        var (loss, eval) = run is null ? ([], []) : await db.CurveAfterAsync(run.Id, Measure.Loss, -1, cancellation);
        var change = run is null ? null : (await db.EvalLossesAsync([run.Id], cancellation)).GetValueOrDefault(run.Id);
        var ancestors = await db.Checkpoints.FromSql($"""
            SELECT * FROM checkpoints WHERE id <> {id} AND id IN (
                WITH RECURSIVE line AS (
                    SELECT id, parent_id FROM checkpoints WHERE id = {id}
                    UNION ALL SELECT c.id, c.parent_id FROM line JOIN checkpoints c ON c.id = line.parent_id)
                SELECT id FROM line)
            """).AsNoTracking().OrderBy(c => c.CreatedAt).ToListAsync(cancellation);
        var children = await db.Checkpoints.AsNoTracking().Where(c => c.ParentId == id).OrderBy(c => c.CreatedAt).ToListAsync(cancellation);
        var deployments = await (
            from d in db.Deployments.AsNoTracking()
            where d.CheckpointId == id
            orderby d.StartedAt descending
            select new DeploymentRow(d, checkpoint, db.Annotators.Where(a => a.Id == d.By).Select(a => a.DisplayName).FirstOrDefault())).ToListAsync(cancellation);
        return new CheckpointDetail(checkpoint, run, version, by, change, loss, eval, ancestors, children, deployments);
    }
}
