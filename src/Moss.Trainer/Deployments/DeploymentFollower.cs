using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Deployments;
using Moss.Trainer.Local;
using Moss.Trainer.Serving;

namespace Moss.Trainer.Deployments;

/// <summary>Keeps what is served equal to the newest deployment row of each name.</summary>
/// <remarks>
/// <code>
/// newest row ──in memory?──yes──────────────────────────► appoint: the next request gets it
///                 │no
///                 └─► load aside, verify, warm up ──good──► appoint; the former stays a while, for rolling back
///                                                 └─bad───► the old one goes on, or after a restart the newest earlier one that loads;
///                                                           the reason is reported
/// </code>
/// The database away changes nothing that is served.
/// </remarks>
internal sealed class DeploymentFollower(
    IDbContextFactory<MossDbContext> factory, CheckpointStore store, Roster roster, ServerReport report, RowNews news,
    IOptions<ServeOptions> options, TimeProvider clock, ILogger<DeploymentFollower> logger) : BackgroundService
{
    private const int DeploymentsLookedBack = 50; // per name, for a restart whose newest checkpoints are damaged
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(30), LongestRetry = TimeSpan.FromMinutes(10);

    private readonly Dictionary<Guid, Refusal> _refused = []; // by deployment: a new row of the same checkpoint is a new try

    private sealed record Refusal(string Reason, int Times, DateTimeOffset RetryAt);

    private sealed record Order(Deployment Deployment, Checkpoint Checkpoint);

    protected override async Task ExecuteAsync(CancellationToken shutdown)
    {
        var away = false;
        while (!shutdown.IsCancellationRequested)
        {
            try
            {
                await news.ListenAsync(shutdown);
                await LookAsync(shutdown);
                if (away) logger.LogInformation("The database is back; following its deployments again");
                away = false;
            }
            catch (Exception e) when (!shutdown.IsCancellationRequested)
            {
                if (!away) logger.LogWarning(Db.IsUnreachable(e) ? null : e,
                    "The deployments cannot be read; what is loaded goes on serving, and looking is repeated: {Reason}", e.Message);
                away = true;
                if (roster.Posts.Count == 0) roster.Error = $"The deployments cannot be read from the database: {e.Message}";
            }
            await news.WaitAsync(TimeSpan.FromSeconds(options.Value.LookSeconds), shutdown);
        }
    }

    private async Task LookAsync(CancellationToken cancellation)
    {
        List<string> troubles = [];
        foreach (var name in (string[])[Deployment.Champion, Deployment.Challenger])
            if (await FollowAsync(name, await OrdersAsync(name, cancellation), cancellation) is { } trouble) troubles.Add($"{name}: {trouble}");
        roster.Coming = null;
        roster.Error = troubles.Count == 0 ? null : string.Join("\n", troubles);
        foreach (var freed in roster.FreeIdle(TimeSpan.FromMinutes(options.Value.KeepMinutes)))
            logger.LogInformation("Freed checkpoint {Checkpoint}: nothing names it any more", freed);
        await report.TellAsync(cancellation);
    }

    /// <returns>Why the newest deployment does not serve; null when it does, or when there is none.</returns>
    private async Task<string?> FollowAsync(string name, List<Order> orders, CancellationToken cancellation)
    {
        if (orders is not [var newest, ..]) return null;
        var now = roster.Posts.FirstOrDefault(p => p.Name == name)?.Checkpoint;
        if (now?.Id == newest.Checkpoint.Id || await TryAppointAsync(name, newest, cancellation)) return null;

        // Something earlier serves already, or it is looked for now, newest first.
        foreach (var earlier in now is null ? orders.Skip(1).DistinctBy(o => o.Checkpoint.Id) : [])
            if (await TryAppointAsync(name, earlier, cancellation)) break;
        return _refused[newest.Deployment.Id].Reason;
    }

    private async Task<bool> TryAppointAsync(string name, Order order, CancellationToken cancellation)
    {
        var (deployment, row) = order;
        var before = _refused.GetValueOrDefault(deployment.Id);
        if (before is not null && clock.GetUtcNow() < before.RetryAt) return false;
        var asked = clock.GetTimestamp();
        try
        {
            roster.Coming = $"checkpoint {row.Name}";
            // Once more, should somebody who asked for yet another checkpoint have it freed in this very moment.
            while (!roster.TryAppoint(name, row.Id)) roster.TakeIn(await store.LoadAsync(row, cancellation));
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            var times = before?.Times ?? 0;
            var pause = TimeSpan.FromSeconds(Math.Min(LongestRetry.TotalSeconds, FirstRetry.TotalSeconds * Math.Pow(2, times)));
            _refused[deployment.Id] = new Refusal(e.Message, times + 1, clock.GetUtcNow() + pause);
            // A damaged folder is explained by its sentence; anything else is a surprise, and its trace helps.
            logger.LogError(e is InvalidDataException ? null : e, "Checkpoint {Checkpoint} is refused as {Name}: {Reason}", row.Name, name, e.Message);
            return false;
        }
        _refused.Remove(deployment.Id);
        logger.LogInformation("{Name} is now checkpoint {Checkpoint} ({Manifest}), {Milliseconds:N0} ms after it was seen: {Reason}",
            name, row.Name, row.ManifestSha256[..12], clock.GetElapsedTime(asked).TotalMilliseconds, deployment.Reason);
        return true;
    }

    private async Task<List<Order>> OrdersAsync(string name, CancellationToken cancellation)
    {
        await using var db = await factory.CreateDbContextAsync(cancellation);
        return await db.Deployments.AsNoTracking().Where(d => d.Name == name)
            .OrderByDescending(d => d.StartedAt).ThenByDescending(d => d.Id).Take(DeploymentsLookedBack)
            .Join(db.Checkpoints.AsNoTracking(), d => d.CheckpointId, c => c.Id, (d, c) => new { Deployment = d, Checkpoint = c })
            .OrderByDescending(o => o.Deployment.StartedAt).ThenByDescending(o => o.Deployment.Id)
            .Select(o => new Order(o.Deployment, o.Checkpoint)).ToListAsync(cancellation);
    }
}
