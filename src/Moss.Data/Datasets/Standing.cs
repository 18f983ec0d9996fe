namespace Moss.Data.Datasets;

/// <summary>The judgements that a cut looks at.</summary>
internal static class Standing
{
    /// <summary>
    /// "standing": judgements that held at the cut ($2) about conversations of the project ($1) that may teach, with scores on the scale 1 to 5.
    /// More queries may follow after a comma.
    /// </summary>
    public const string Sql = """
        WITH RECURSIVE standing AS (
            SELECT j.id, j.kind, j.message_id, j.other_message_id, j.annotator_id, j.rubric_version, j.attribute, j.outcome, j.shown_left_id, j."order",
                   1 + 4 * (j.score - j.scale_min) / NULLIF(j.scale_max - j.scale_min, 0) AS score, j.correction_message_id, j.created_at, c.language
            FROM judgements j
            JOIN messages m ON m.id = j.message_id
            JOIN conversations c ON c.id = m.conversation_id
            LEFT JOIN agent_runs r ON r.id = c.agent_run_id
            WHERE c.project_id = $1 AND j.created_at <= $2 AND (r.id IS NULL OR r.split = 'Train')
              AND NOT EXISTS (SELECT FROM judgements s WHERE s.supersedes_id = j.id AND s.created_at <= $2))
        """;

    /// <summary>Per reply the newest correction of it.</summary>
    public const string Corrected = """
        corrected AS (
            SELECT DISTINCT ON (message_id) id, message_id, correction_message_id, created_at FROM standing
            WHERE kind = 'Correction' ORDER BY message_id, created_at DESC, id DESC)
        """;
}
