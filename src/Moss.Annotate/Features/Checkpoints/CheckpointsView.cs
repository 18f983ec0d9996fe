using Microsoft.EntityFrameworkCore;
using Moss.Annotate.Features.Training;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Deployments;
using Moss.Data.Training;

namespace Moss.Annotate.Features.Checkpoints;

/// <summary>A checkpoint in the list: where it came from, what it cost and gained, and its place in the family tree.</summary>
public sealed record CheckpointLine(CheckpointRow Row, DatasetVersion? Version, LossChange? EvalLoss, LineageRow Place)
{
    public Checkpoint Checkpoint => Row.Checkpoint;
}

/// <summary>What the page of all checkpoints shows.</summary>
public sealed record CheckpointsView(
    List<CheckpointLine> Lines, List<DeploymentRow> Deployments, List<Server> Servers, (Deployment Deployment, Checkpoint Checkpoint)? Champion)
{
    private const int ShownDeployments = 30;

    /// <summary>What a roll-back would bring back; null when there is nothing.</summary>
    public Checkpoint? Previous =>
        Champion is not var (_, now) ? null : Deployments.Where(d => d.Deployment.Name == Deployment.Champion && d.Checkpoint.Id != now.Id).Select(d => d.Checkpoint).FirstOrDefault();

    public int Lanes => Lines.Count == 0 ? 1 : Lines.Max(l => Math.Max(l.Place.Lane, l.Place.Through.Concat(l.Place.FromAbove).DefaultIfEmpty(0).Max())) + 1;

    public static async Task<CheckpointsView> LoadAsync(MossDbContext db, CancellationToken cancellation)
    {
        var rows = await db.CheckpointsAsync(cancellation);
        var runs = rows.Select(r => r.Run).OfType<TrainingRun>().ToList();
        var versionIds = runs.Select(r => r.DatasetVersionId).Distinct().ToList();
        var versions = await db.DatasetVersions.AsNoTracking().Where(v => versionIds.Contains(v.Id)).ToDictionaryAsync(v => v.Id, cancellation);
        var eval = await db.EvalLossesAsync(runs.ConvertAll(r => r.Id), cancellation);
        var places = LineageGraph.Lay([.. rows.Select(r => (r.Checkpoint.Id, r.Checkpoint.ParentId))]);
        return new CheckpointsView(
            [.. rows.Zip(places, (row, place) => new CheckpointLine(
                row, row.Run is { } run ? versions[run.DatasetVersionId] : null, row.Run is { } r ? eval.GetValueOrDefault(r.Id) : null, place))],
            await db.DeploymentsAsync(ShownDeployments, cancellation), await db.ServersAsync(cancellation),
            await db.CurrentDeploymentAsync(Deployment.Champion, cancellation));
    }
}
