using System.Data;
using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Audit;
using Moss.Data.Training;
using Npgsql;

namespace Moss.Data.Datasets;

public static class Freezing
{
    /// <summary>Cuts a version by the rule of its recipe, with where each example came from. A version without a name becomes v1, v2, ….</summary>
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
            var counts = await DatasetCut.SelectAsync(connection, projectId, cut, writer.AddAsync, cancellation);
            if (counts.Train == 0)
                throw new MossInputException(NothingToLearn(cut));

            var sha256 = await writer.FinishAsync(cancellation);
            counts.Judgements = writer.JudgementCount;
            var (query, judgements, summary) = (cut.ToJson(), writer.JudgementCount, counts.ToJson());
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO dataset_versions (id, project_id, name, recipe, query, sha256, train_count, eval_count, judgement_count, summary, created_by, created_at)
                VALUES ({id}, {projectId}, {name}, {cut.Recipe}, {query}::jsonb, {sha256}, {counts.Train}, {counts.Eval}, {judgements}, {summary}::jsonb, {by}, clock_timestamp())
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
            var connection = (NpgsqlConnection)db.Database.GetDbConnection();
            var counts = await DatasetCut.SelectAsync(connection, projectId, cut, (_, _, sources, _) =>
            {
                foreach (var source in sources) if (source.JudgementId is { } judgement) judgements.Add(judgement);
                return Task.CompletedTask;
            }, cancellation);
            counts.Judgements = judgements.Count;
            counts.NewJudgements = await db.CountNewJudgementsAsync(projectId, rule.Recipe, cancellation);
            return counts;
        }, cancellation);
    }

    private static string NothingToLearn(FreezeRule cut) => cut.Recipe switch
    {
        Recipes.Sft =>
            "There is nothing to learn from yet: no correction, no reply rated well enough, no imported conversation to replay. " +
            $"Correct a reply, rate one with at least {cut.MinScore.ToString(CultureInfo.InvariantCulture)}, or import conversations; then freeze again.",
        Recipes.Quality =>
            "There is nothing to learn from yet: no correction, no rated reply, no imported conversation to replay. " +
            "Correct or rate replies, or import conversations; then freeze again.",
        Recipes.Kto =>
            "There is nothing to learn from yet: no reply that its annotators find clearly good or bad. " +
            "Correct replies, rate several of them differently, or import rankings; then freeze again.",
        _ =>
            "There is nothing to learn from yet: no reply that somebody prefers to another one to the same prompt. " +
            "Correct replies, compare or rank them, or import rankings; then freeze again. What agents alone prefer needs agent_share 1.",
    };

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
