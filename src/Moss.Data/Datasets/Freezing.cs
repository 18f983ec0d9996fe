using System.Data;
using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Audit;
using Moss.Data.Training;
using Npgsql;

namespace Moss.Data.Datasets;

public static class Freezing
{
    /// <summary>Cuts a version: corrections, well-rated replies, and a replay of imported conversations, with where each came from. A version without a name becomes v1, v2, ….</summary>
    public static Task<DatasetVersion> FreezeAsync(
        this MossDbContext db, Guid projectId, string? name, FreezeRule rule, Guid? by, CancellationToken cancellation)
    {
        rule.Check();
        if (name is { Length: > 128 } || (name is not null && string.IsNullOrWhiteSpace(name)))
            throw new MossInputException("A dataset version's name has 1 to 128 characters.");
        return db.InTransactionAsync(async () =>
        {
            await db.LockAsync($"freeze:{projectId}", cancellation);
            name ??= await db.FreeNameAsync(projectId, cancellation);
            if (await db.DatasetVersions.AnyAsync(v => v.ProjectId == projectId && v.Name == name, cancellation))
                throw new MossInputException($"There is a dataset version {name} already, and a version never changes. Choose another name.");

            var cut = rule with { Until = (rule.Until ?? await db.ClockAsync(cancellation)).ToUniversalTime() };
            var connection = (NpgsqlConnection)db.Database.GetDbConnection();
            var id = Guid.CreateVersion7();
            await using var writer = await ExampleWriter.OpenAsync(connection, id, cancellation);
            var counts = await new ExampleSelection(cut, writer.AddAsync).RunAsync(connection, projectId, cancellation);
            if (counts.Train == 0)
                throw new MossInputException(
                    "There is nothing to learn from yet: no correction, no reply rated well enough, no imported conversation to replay. " +
                    $"Correct a reply, rate one with at least {cut.MinScore.ToString(CultureInfo.InvariantCulture)}, or import conversations; then freeze again.");

            var sha256 = await writer.FinishAsync(cancellation);
            var (query, judgements) = (cut.ToJson(), writer.JudgementCount);
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO dataset_versions (id, project_id, name, recipe, query, sha256, train_count, eval_count, judgement_count, created_by, created_at)
                VALUES ({id}, {projectId}, {name}, {cut.Recipe}, {query}::jsonb, {sha256}, {counts.Train}, {counts.Eval}, {judgements}, {by}, clock_timestamp())
                """, cancellation);
            await writer.KeepAsync(cancellation);
            var who = await db.WhoAsync(by, "schedule", cancellation);
            await db.AuditAsync(who, "froze", name, new { version_id = id, sha256, counts.Train, counts.Eval, judgements }, cancellation);
            return await db.DatasetVersions.AsNoTracking().SingleAsync(v => v.Id == id, cancellation);
        }, cancellation);
    }

    /// <summary>What a freeze with this rule would hold now; nothing is kept.</summary>
    public static Task<FreezePreview> PreviewAsync(this MossDbContext db, Guid projectId, FreezeRule rule, CancellationToken cancellation)
    {
        rule.Check();
        return db.InTransactionAsync(async () =>
        {
            var cut = rule with { Until = rule.Until ?? await db.ClockAsync(cancellation) };
            var judgements = new HashSet<Guid>();
            var selection = new ExampleSelection(cut, (_, _, _, sources, _) =>
            {
                foreach (var source in sources) if (source.JudgementId is { } judgement) judgements.Add(judgement);
                return Task.CompletedTask;
            });
            var counts = await selection.RunAsync((NpgsqlConnection)db.Database.GetDbConnection(), projectId, cancellation);
            counts.Judgements = judgements.Count;
            counts.NewJudgements = await db.CountNewJudgementsAsync(projectId, rule.Recipe, cancellation);
            return counts;
        }, cancellation);
    }

    private static async Task<DateTimeOffset> ClockAsync(this MossDbContext db, CancellationToken cancellation) =>
        new(await db.Database.SqlQuery<DateTime>($"SELECT clock_timestamp() AS \"Value\"").SingleAsync(cancellation), TimeSpan.Zero);

    private static async Task<string> FreeNameAsync(this MossDbContext db, Guid projectId, CancellationToken cancellation)
    {
        var taken = await db.DatasetVersions.Where(v => v.ProjectId == projectId).Select(v => v.Name).ToHashSetAsync(cancellation);
        for (var n = taken.Count + 1; ; n++)
        {
            var name = "v" + n.ToString(CultureInfo.InvariantCulture);
            if (!taken.Contains(name)) return name;
        }
    }
}
