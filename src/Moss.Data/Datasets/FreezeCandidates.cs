using System.Runtime.CompilerServices;
using Moss.Data.Conversations;
using Moss.Data.Training;
using Npgsql;

namespace Moss.Data.Datasets;

/// <summary>A path that may become an example, with the judgements that speak for it.</summary>
internal sealed record Candidate(List<PathMessage> Path, Guid[] Judgements, string? Correction, Guid? CorrectionMessage);

/// <summary>Reads the candidates of a freeze, a few hundred rows at a time, in an order that does not depend on when they were stored.</summary>
internal sealed class FreezeCandidates(NpgsqlConnection connection, Guid projectId, FreezeRule rule, DateTimeOffset until)
{
    private const int Rows = 2_000;

    private static string Judged => $$"""
        {{Standing.Sql}},
        {{Standing.Corrected}},
        bad AS (
            SELECT message_id FROM standing WHERE kind = 'Flag' OR (kind = 'Rating' AND attribute = 'overall' AND score < $3)),
        """;

    private const string Paths = """
        path AS (
            SELECT a.judged, m.id, m.parent_id, 0 AS height FROM anchors a JOIN messages m ON m.id = a.judged
            UNION ALL SELECT p.judged, m.id, m.parent_id, p.height + 1 FROM path p JOIN messages m ON m.id = p.parent_id)
        SELECT a.judged, a.judgements, a.correction_message_id, k.text, m.id, m.parent_id, m.role, m.text, m.source_rank, m.state <> 'Complete'
        FROM anchors a
        JOIN path p ON p.judged = a.judged
        JOIN messages m ON m.id = p.id
        LEFT JOIN messages k ON k.id = a.correction_message_id
        ORDER BY a.first_at, a.judged, p.height DESC
        """;

    /// <summary>Every corrected reply with its newest correction. Without judgements it teaches nothing: its correction was itself corrected or found bad.</summary>
    public IAsyncEnumerable<Candidate> CorrectedAsync(CancellationToken cancellation) => ReadAsync(Judged + """
        anchors AS (
            SELECT message_id AS judged, correction_message_id, created_at AS first_at,
                   CASE WHEN correction_message_id IN (SELECT message_id FROM bad UNION SELECT message_id FROM corrected)
                        THEN ARRAY[]::uuid[] ELSE ARRAY[id] END AS judgements
            FROM corrected),
        """ + Paths, cancellation);

    /// <summary>
    /// Replies with ratings of which none is below the rule's (recipe quality: any ratings); neither corrected, nor flagged, nor
    /// cut short. What an agent finds good is no reason to learn it; what it finds bad is one to be careful.
    /// </summary>
    public IAsyncEnumerable<Candidate> RatedAsync(CancellationToken cancellation) => ReadAsync(Judged + """
        anchors AS (
            SELECT s.message_id AS judged, array_agg(s.id ORDER BY s.id) AS judgements, NULL::uuid AS correction_message_id, min(s.created_at) AS first_at
            FROM standing s JOIN messages m ON m.id = s.message_id JOIN annotators a ON a.id = s.annotator_id
            WHERE a.kind <> 'Agent' AND s.kind = 'Rating' AND s.attribute = 'overall' AND m.role = 'Moss' AND m.state = 'Complete'
              AND s.message_id NOT IN (SELECT message_id FROM bad)
              AND s.message_id NOT IN (SELECT message_id FROM corrected)
              AND (m.corrects_id IS NULL OR m.id IN (SELECT correction_message_id FROM corrected))
            GROUP BY s.message_id),
        """ + Paths, cancellation, rule.Recipe == Recipes.Quality ? 0 : null); // no rating is below 0

    /// <summary>Imported conversations in the order of a hash that the rule's seed turns.</summary>
    public IAsyncEnumerable<Candidate> ReplayAsync(CancellationToken cancellation) => ReadAsync(Judged + """
        chosen AS (
            SELECT c.id, sha256(convert_to($4::text || ':' || COALESCE(c.source_key, c.id::text), 'UTF8')) AS turn
            FROM conversations c WHERE c.project_id = $1 AND c.origin = 'Import' AND c.created_at <= $2),
        taken AS (
            SELECT id, turn FROM chosen
            WHERE get_byte(turn, 0) * 65536 + get_byte(turn, 1) * 256 + get_byte(turn, 2) < $5 * 16777216
            ORDER BY turn, id LIMIT $6)
        SELECT t.id, ARRAY[]::uuid[], NULL::uuid, NULL::text, m.id, m.parent_id, m.role, m.text, m.source_rank,
               m.state <> 'Complete' OR m.id IN (SELECT message_id FROM bad)
        FROM taken t JOIN messages m ON m.conversation_id = t.id
        WHERE m.author_id IS NULL AND m.corrects_id IS NULL AND m.created_at <= $2
          AND NOT EXISTS (SELECT FROM generations g WHERE g.message_id = m.id)
        ORDER BY t.turn, t.id, m.created_at, m.id
        """, cancellation);

    private async IAsyncEnumerable<Candidate> ReadAsync(string sql, [EnumeratorCancellation] CancellationToken cancellation, double? minScore = null)
    {
        await using (var declare = new NpgsqlCommand("DECLARE candidates NO SCROLL CURSOR FOR " + sql, connection))
        {
            declare.Parameters.Add(new() { Value = projectId });
            declare.Parameters.Add(new() { Value = until.ToUniversalTime() });
            declare.Parameters.Add(new() { Value = minScore ?? rule.MinScore });
            if (sql.Contains("$4", StringComparison.Ordinal))
            {
                declare.Parameters.Add(new() { Value = rule.Seed });
                declare.Parameters.Add(new() { Value = rule.ReplayShare });
                declare.Parameters.Add(new() { Value = (long)rule.ReplayMax });
            }
            await declare.ExecuteNonQueryAsync(cancellation);
        }

        (Guid Key, Candidate Candidate)? open = null;
        var finished = new List<Candidate>();
        for (var more = true; more;)
        {
            var read = 0;
            await using (var fetch = new NpgsqlCommand($"FETCH {Rows} FROM candidates", connection))
            await using (var row = await fetch.ExecuteReaderAsync(cancellation))
            {
                while (await row.ReadAsync(cancellation))
                {
                    read++;
                    var key = row.GetGuid(0);
                    if (open?.Key != key)
                    {
                        if (open is { } done) finished.Add(done.Candidate);
                        open = (key, new Candidate([], row.GetFieldValue<Guid[]>(1), row.IsDBNull(3) ? null : row.GetString(3),
                            row.IsDBNull(2) ? null : row.GetGuid(2)));
                    }
                    open.Value.Candidate.Path.Add(new PathMessage(row.GetGuid(4), row.IsDBNull(5) ? null : row.GetGuid(5),
                        Enum.Parse<Role>(row.GetString(6)), row.GetString(7), row.IsDBNull(8) ? null : row.GetInt32(8), row.GetBoolean(9)));
                }
            }
            more = read == Rows;
            if (!more && open is { } last) finished.Add(last.Candidate);
            foreach (var candidate in finished) yield return candidate; // the connection is free here: the taker may write
            finished.Clear();
        }
        await using var close = new NpgsqlCommand("CLOSE candidates", connection);
        await close.ExecuteNonQueryAsync(cancellation);
    }
}
