using Microsoft.EntityFrameworkCore;
using Moss.Data.Checkpoints;

namespace Moss.Data.Deployments;

/// <summary>A deployment with what it deployed and who did it.</summary>
public sealed record DeploymentRow(Deployment Deployment, Checkpoint Checkpoint, string? By);

public static class DeploymentQueries
{
    /// <summary>What should serve under this name now; null when nothing was ever deployed.</summary>
    public static async Task<(Deployment Deployment, Checkpoint Checkpoint)?> CurrentDeploymentAsync(
        this MossDbContext db, string name, CancellationToken cancellation)
    {
        var row = await (
            from d in db.Deployments.AsNoTracking()
            join c in db.Checkpoints.AsNoTracking() on d.CheckpointId equals c.Id
            where d.Name == name
            orderby d.StartedAt descending, d.Id descending
            select new { d, c }).FirstOrDefaultAsync(cancellation);
        return row is null ? null : (row.d, row.c);
    }

    /// <summary>The newest deployments of all names, newest first.</summary>
    public static Task<List<DeploymentRow>> DeploymentsAsync(this MossDbContext db, int take, CancellationToken cancellation) => (
        from d in db.Deployments.AsNoTracking()
        join c in db.Checkpoints.AsNoTracking() on d.CheckpointId equals c.Id
        orderby d.StartedAt descending, d.Id descending
        select new DeploymentRow(d, c, db.Annotators.Where(a => a.Id == d.By).Select(a => a.DisplayName).FirstOrDefault()))
        .Take(take).ToListAsync(cancellation);

    public static Task<List<Server>> ServersAsync(this MossDbContext db, CancellationToken cancellation) =>
        db.Servers.AsNoTracking().OrderBy(s => s.Url).ToListAsync(cancellation);
}
