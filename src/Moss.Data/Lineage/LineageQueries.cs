using Microsoft.EntityFrameworkCore;
using Moss.Data.Annotators;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Judgements;

namespace Moss.Data.Lineage;

public static class LineageQueries
{
    /// <summary>
    /// Why MOSS says this: reply → checkpoint → run → dataset version → the judgements that taught it, then those that taught its parents. Judgements whose
    /// prompt equals the reply's come first, then the most similar ones. Null when the message is not a reply of a checkpoint.
    /// </summary>
    public static async Task<ReplyLineage?> WhyAsync(this MossDbContext db, Guid replyId, int take, CancellationToken cancellation)
    {
        var said = await (
            from g in db.Generations.AsNoTracking()
            join m in db.Messages on g.MessageId equals m.Id
            join c in db.Checkpoints on g.CheckpointId equals c.Id
            where g.MessageId == replyId
            select new { Checkpoint = c, Prompt = db.Messages.Where(p => p.Id == m.ParentId).Select(p => p.Text).FirstOrDefault() })
            .SingleOrDefaultAsync(cancellation);
        if (said is null) return null;

        var run = await db.TrainingRuns.AsNoTracking().SingleOrDefaultAsync(r => r.Id == said.Checkpoint.TrainingRunId, cancellation);
        var version = run is null ? null : await db.DatasetVersions.AsNoTracking().SingleAsync(v => v.Id == run.DatasetVersionId, cancellation);
        var judgements = await db.TaughtByAsync(said.Checkpoint.Id, cancellation);
        var prompt = new Likeness(said.Prompt ?? "");
        foreach (var judgement in judgements) judgement.Likeness = prompt.To(judgement.Prompt);
        var best = judgements.OrderByDescending(j => j.Likeness).ThenBy(j => j.Kind == JudgementKind.Correction ? 0 : 1)
            .ThenBy(j => j.Generations).ThenByDescending(j => j.At).Take(take);
        return new(said.Checkpoint, run, version, judgements.Count, [.. best]);
    }

    /// <summary>The judgements behind a checkpoint and its parents, each once, at the generation nearest to the checkpoint. One query.</summary>
    public static async Task<List<TaughtBy>> TaughtByAsync(this MossDbContext db, Guid checkpointId, CancellationToken cancellation)
    {
        var rows = await db.Database.SqlQuery<Row>($"""
            WITH RECURSIVE line AS (
                SELECT id, parent_id, training_run_id, 0 AS generations FROM checkpoints WHERE id = {checkpointId}
                UNION ALL
                SELECT c.id, c.parent_id, c.training_run_id, line.generations + 1 FROM line JOIN checkpoints c ON c.id = line.parent_id)
            SELECT DISTINCT ON (j.id) j.id AS judgement_id, j.kind, a.display_name AS annotator, a.kind AS annotator_kind, m.conversation_id,
                   m.id AS message_id, CASE WHEN j.kind = 'Ranking' THEN m.text ELSE COALESCE(p.text, '') END AS prompt,
                   COALESCE(worse.text, m.text) AS original, better.text AS correction, j.score, j.comment, j.created_at AS at,
                   line.generations, line.id AS checkpoint_id
            FROM line
            JOIN training_runs r ON r.id = line.training_run_id
            JOIN dataset_examples e ON e.version_id = r.dataset_version_id AND e.split = 'Train'
            JOIN dataset_example_sources s ON s.version_id = e.version_id AND s.ordinal = e.ordinal
            JOIN judgements j ON j.id = s.judgement_id
            JOIN annotators a ON a.id = j.annotator_id
            JOIN messages m ON m.id = j.message_id
            LEFT JOIN messages p ON p.id = m.parent_id
            CROSS JOIN LATERAL (SELECT j.shown_left_id AS left_id,
                CASE WHEN j.shown_left_id = j.message_id THEN j.other_message_id ELSE j.message_id END AS right_id) shown
            LEFT JOIN messages better ON better.id = CASE j.kind
                WHEN 'Correction' THEN j.correction_message_id WHEN 'Ranking' THEN j."order"[1]
                WHEN 'Comparison' THEN CASE j.outcome WHEN 'Left' THEN shown.left_id WHEN 'Right' THEN shown.right_id END END
            LEFT JOIN messages worse ON worse.id = CASE j.kind
                WHEN 'Ranking' THEN j."order"[cardinality(j."order")]
                WHEN 'Comparison' THEN CASE j.outcome WHEN 'Left' THEN shown.right_id WHEN 'Right' THEN shown.left_id END END
            ORDER BY j.id, line.generations
            """).ToListAsync(cancellation);
        return [.. rows.Select(r => new TaughtBy
        {
            JudgementId = r.JudgementId, Kind = Enum.Parse<JudgementKind>(r.Kind), Annotator = r.Annotator, AnnotatorKind = Enum.Parse<AnnotatorKind>(r.AnnotatorKind),
            ConversationId = r.ConversationId, MessageId = r.MessageId, Prompt = r.Prompt, Original = r.Original, Correction = r.Correction, Score = r.Score,
            Comment = r.Comment, At = r.At, Generations = r.Generations, CheckpointId = r.CheckpointId,
        })];
    }

    /// <summary>The checkpoints that a judgement taught, directly or through a parent, oldest first.</summary>
    public static Task<List<Checkpoint>> TaughtAsync(this MossDbContext db, Guid judgementId, CancellationToken cancellation) =>
        db.Checkpoints.FromSql($"""
            SELECT * FROM checkpoints WHERE id IN (
                WITH RECURSIVE line AS (
                    SELECT c.id FROM dataset_example_sources s
                    JOIN dataset_examples e ON e.version_id = s.version_id AND e.ordinal = s.ordinal AND e.split = 'Train'
                    JOIN training_runs r ON r.dataset_version_id = e.version_id
                    JOIN checkpoints c ON c.training_run_id = r.id
                    WHERE s.judgement_id = {judgementId}
                    UNION SELECT c.id FROM line JOIN checkpoints c ON c.parent_id = line.id)
                SELECT id FROM line)
            """).AsNoTracking().OrderBy(c => c.CreatedAt).ThenBy(c => c.Id).ToListAsync(cancellation);

    private sealed record Row(
        Guid JudgementId, string Kind, string Annotator, string AnnotatorKind, Guid ConversationId, Guid MessageId, string Prompt, string Original,
        string? Correction, double? Score, string? Comment, DateTimeOffset At, int Generations, Guid CheckpointId);
}
