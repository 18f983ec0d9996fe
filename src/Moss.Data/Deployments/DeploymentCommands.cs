using Microsoft.EntityFrameworkCore;
using Moss.Data.Audit;
using Moss.Data.Checkpoints;
using Moss.Data.Training;

namespace Moss.Data.Deployments;

public static class DeploymentCommands
{
    /// <summary>PostgreSQL channel that names each new deployment; servers listen.</summary>
    public const string Channel = "moss_deployments";

    /// <summary>Adds the fact that this checkpoint serves from now on under this name, audits it, and tells the servers.</summary>
    public static Task<Deployment> DeployAsync(
        this MossDbContext db, string name, Guid checkpointId, string reason, Guid? by, CancellationToken cancellation) =>
        db.InTransactionAsync(async () =>
        {
            await db.LockAsync($"deploy:{Known(name)}", cancellation);
            return await db.AddAsync(name, checkpointId, reason, by, "deployed", cancellation);
        }, cancellation);

    /// <summary>Adds a deployment of the checkpoint that served under this name before the current one.</summary>
    public static Task<Deployment> RollBackAsync(this MossDbContext db, string name, string reason, Guid? by, CancellationToken cancellation) =>
        db.InTransactionAsync(async () =>
        {
            await db.LockAsync($"deploy:{Known(name)}", cancellation);
            var newestFirst = db.Deployments.AsNoTracking().Where(d => d.Name == name).OrderByDescending(d => d.StartedAt).ThenByDescending(d => d.Id);
            var current = await newestFirst.Select(d => (Guid?)d.CheckpointId).FirstOrDefaultAsync(cancellation)
                ?? throw new MossInputException($"Nothing was ever deployed as {name}, so there is nothing to roll back.");
            var before = await newestFirst.Where(d => d.CheckpointId != current).Select(d => (Guid?)d.CheckpointId).FirstOrDefaultAsync(cancellation)
                ?? throw new MossInputException($"Only one checkpoint was ever deployed as {name}, so there is none to go back to. Deploy another one instead.");
            return await db.AddAsync(name, before, reason, by, "rolled_back", cancellation);
        }, cancellation);

    /// <summary>What a server has loaded, in its own words (JSON array), now.</summary>
    public static Task ReportServerAsync(
        this MossDbContext db, string url, ServerKind kind, string loadedJson, string? error, CancellationToken cancellation)
    {
        var kindText = kind.ToString();
        return db.Database.ExecuteSqlAsync($"""
            INSERT INTO servers (url, kind, seen_at, loaded, error) VALUES ({url}, {kindText}, now(), {loadedJson}::jsonb, {error})
            ON CONFLICT (url) DO UPDATE SET kind = excluded.kind, seen_at = excluded.seen_at, loaded = excluded.loaded, error = excluded.error
            """, cancellation);
    }

    private static string Known(string name) => name is Deployment.Champion or Deployment.Challenger
        ? name
        : throw new MossInputException($"'{name}' is not a deployment. It is {Deployment.Champion} or {Deployment.Challenger}.");

    private static async Task<Deployment> AddAsync(
        this MossDbContext db, string name, Guid checkpointId, string reason, Guid? by, string action, CancellationToken cancellation)
    {
        if (string.IsNullOrWhiteSpace(reason)) throw new MossInputException("Say why: a deployment keeps its reason.");
        if (reason.Length > 500) throw new MossInputException($"The reason has {reason.Length} characters; at most 500 are kept. Shorten it.");
        var checkpoint = await db.Checkpoints.AsNoTracking().SingleOrDefaultAsync(c => c.Id == checkpointId, cancellation)
            ?? throw new MossInputException($"There is no checkpoint {checkpointId} to deploy.");
        if (checkpoint.State is CheckpointState.Rejected or CheckpointState.Retired)
            throw new MossInputException($"Checkpoint {checkpoint.Name} is {checkpoint.State.ToString().ToLowerInvariant()} and cannot be deployed. Choose another one.");
        if (await db.TrainingRuns.AnyAsync(r => r.Id == checkpoint.TrainingRunId && r.Recipe == Recipes.Reward, cancellation))
            throw new MossInputException($"Checkpoint {checkpoint.Name} scores replies (recipe reward); it was not tuned to talk. Deploy one of another recipe.");

        var id = Guid.CreateVersion7();
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO deployments (id, name, checkpoint_id, share, started_at, reason, by)
            VALUES ({id}, {name}, {checkpointId}, 1, clock_timestamp(), {reason}, {by})
            """, cancellation);
        var who = await db.WhoAsync(by, "schedule", cancellation);
        await db.AuditAsync(who, action, $"{name}: {checkpoint.Name}", new { checkpoint_id = checkpointId, deployment_id = id, reason }, cancellation);
        await db.Database.ExecuteSqlAsync($"SELECT pg_notify({Channel}, {id.ToString()})", cancellation);
        return await db.Deployments.AsNoTracking().SingleAsync(d => d.Id == id, cancellation);
    }
}
