using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Deployments;
using Moss.Trainer.Serving;

namespace Moss.Trainer.Deployments;

/// <summary>Brings a checkpoint into memory because somebody asks for it by name or id, without deploying it.</summary>
/// <remarks>At most <see cref="MostUndeployed"/> at a time: memory is for what is deployed.</remarks>
internal sealed class CheckpointsByName(
    IDbContextFactory<MossDbContext> factory, CheckpointStore store, Roster roster, ILogger<CheckpointsByName> logger) : IDisposable
{
    private const int MostUndeployed = 4;
    private readonly SemaphoreSlim _oneAtATime = new(1);

    /// <returns>Null when no checkpoint has this name or id.</returns>
    public async Task<CheckpointLease?> LeaseAsync(string model, CancellationToken cancellation)
    {
        if (model is Deployment.Champion or Deployment.Challenger || await FindAsync(model, cancellation) is not { } row) return null;
        await _oneAtATime.WaitAsync(cancellation);
        try
        {
            if (roster.Lease(row.Name) is { } loadedMeanwhile) return loadedMeanwhile;
            var undeployed = roster.InMemory.Count - roster.Posts.Select(p => p.Checkpoint.Id).Distinct().Count();
            if (undeployed >= MostUndeployed && roster.FreeIdle(TimeSpan.Zero, atMost: 1).Count == 0) throw new ApiRefusal(503,
                $"Checkpoint '{row.Name}' is not deployed, and {undeployed} others that are not deployed are in use. Ask again in a minute, or deploy it.")
            { RetryAfterSeconds = 30 };
            var served = await store.LoadAsync(row, cancellation);
            logger.LogInformation("Loaded checkpoint {Checkpoint} because a request named it", row.Name);
            roster.TakeIn(served);
            return roster.Lease(row.Name);
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw new ApiRefusal(503, $"Checkpoint '{row.Name}' cannot be served: {e.Message}", "model", "checkpoint_refused");
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public void Dispose() => _oneAtATime.Dispose();

    private async Task<Checkpoint?> FindAsync(string model, CancellationToken cancellation)
    {
        Guid? id = Guid.TryParse(model, out var parsed) ? parsed : null;
        try
        {
            await using var db = await factory.CreateDbContextAsync(cancellation);
            return await db.Checkpoints.AsNoTracking().SingleOrDefaultAsync(c => c.Name == model || c.Id == id, cancellation);
        }
        catch (Exception e) when (Db.IsUnreachable(e))
        {
            throw new ApiRefusal(503,
                $"'{(model.Length <= 80 ? model : model[..80] + "…")}' is not in memory, and the database that may know it cannot be reached. " +
                "Ask again in a minute, or ask for 'champion'.", "model", "database_away")
            { RetryAfterSeconds = 10 };
        }
    }
}
