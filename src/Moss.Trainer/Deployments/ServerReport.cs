using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Moss.Data;
using Moss.Data.Deployments;
using Moss.Trainer.Serving;

namespace Moss.Trainer.Deployments;

/// <summary>Where this server listens, as others reach it.</summary>
internal sealed record ServeAddress(string Url);

/// <summary>Tells the database what this server really has loaded, at every look and after every change.</summary>
internal sealed class ServerReport(
    IDbContextFactory<MossDbContext> factory, Roster roster, ServeAddress address, IOptions<ServeOptions> options) : BackgroundService
{
    public async Task TellAsync(CancellationToken cancellation)
    {
        var loaded = JsonSerializer.Serialize(roster.Posts.Select(p => new
        {
            name = p.Name,
            checkpoint_id = p.Checkpoint.Id,
            checkpoint = p.Checkpoint.Name,
            manifest_sha256 = p.Checkpoint.ManifestSha256,
            since = p.Since,
        }));
        await using var db = await factory.CreateDbContextAsync(cancellation);
        await db.ReportServerAsync(address.Url, ServerKind.Moss, loaded, roster.Error, cancellation);
    }

    /// <summary>The server is seen also while a large checkpoint is being loaded for minutes.</summary>
    protected override async Task ExecuteAsync(CancellationToken shutdown)
    {
        using var looks = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.LookSeconds));
        while (await looks.WaitForNextTickAsync(shutdown))
        {
            try
            {
                await TellAsync(shutdown);
            }
            catch (Exception) when (!shutdown.IsCancellationRequested)
            {
                // Not being able to report must never end serving. The follower, which needs the same database, says why in the log, once.
            }
        }
    }
}
