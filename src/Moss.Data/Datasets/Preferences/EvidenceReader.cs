using Moss.Data.Annotators;
using Moss.Data.Conversations;
using Moss.Data.Judgements;
using Npgsql;

namespace Moss.Data.Datasets.Preferences;

/// <summary>Reads the evidence of a cut: three queries, however much there is.</summary>
internal sealed class EvidenceReader(NpgsqlConnection connection, Guid projectId, FreezeRule rule)
{
    private static readonly Guid OasstRanks = Guid.Empty; // stands for an imported consensus that left no ranking, see below

    public async Task<Evidence> ReadAsync(CancellationToken cancellation)
    {
        var judgements = await JudgementsAsync(cancellation);
        var ranked = await RanksAsync(cancellation);
        judgements = [.. judgements.Concat(ranked).OrderBy(j => j.At).ThenBy(j => j.Id)];
        var named = judgements
            .SelectMany(j => j.Order.SelectMany(g => g).Append(j.Kind == JudgementKind.Ranking ? default : j.MessageId)
                .Append(j.Other ?? default).Append(j.CorrectionId ?? default))
            .Where(id => id != default).Distinct().ToArray();
        var messages = await MessagesAsync(named, cancellation);
        var prompts = await PromptsAsync([.. messages.Values.Select(m => m.ParentId).OfType<Guid>().Distinct()], cancellation);
        return new Evidence(judgements, messages, prompts, rule.MinScore);
    }

    private async Task<List<Judged>> JudgementsAsync(CancellationToken cancellation)
    {
        var found = new List<Judged>();
        await using var query = Command($$"""
            {{Standing.Sql}}
            SELECT s.id, s.kind, s.message_id, s.annotator_id, a.kind, s.created_at, s.rubric_version, s.language, s.score,
                   s.other_message_id, s.outcome, s.shown_left_id, s."order", s.correction_message_id
            FROM standing s JOIN annotators a ON a.id = s.annotator_id
            WHERE s.kind IN ('Comparison', 'Ranking', 'Correction', 'Flag')
               OR (s.kind = 'Rating' AND s.attribute = 'overall' AND s.score IS NOT NULL)
            """);
        await using var row = await query.ExecuteReaderAsync(cancellation);
        while (await row.ReadAsync(cancellation))
            found.Add(new(
                row.GetGuid(0), Enum.Parse<JudgementKind>(row.GetString(1)), row.GetGuid(2), row.GetGuid(3),
                Enum.Parse<AnnotatorKind>(row.GetString(4)), row.GetFieldValue<DateTimeOffset>(5))
            {
                Rubric = row.GetInt32(6),
                Language = row.IsDBNull(7) ? null : row.GetString(7),
                Score = row.IsDBNull(8) ? null : row.GetDouble(8),
                Other = row.IsDBNull(9) ? null : row.GetGuid(9),
                Outcome = row.IsDBNull(10) ? null : Enum.Parse<ComparisonOutcome>(row.GetString(10)),
                ShownLeft = row.IsDBNull(11) ? null : row.GetGuid(11),
                Order = row.IsDBNull(12) ? [] : [.. row.GetFieldValue<Guid[]>(12).Select(id => (IReadOnlyList<Guid>)[id])],
                CorrectionId = row.IsDBNull(13) ? null : row.GetGuid(13),
            });
        return found;
    }

    /// <summary>
    /// Imported ranks of which two are equal. A ranking cannot say so, and so the import left none: the ranks stand on the
    /// messages only.
    /// </summary>
    private async Task<List<Judged>> RanksAsync(CancellationToken cancellation)
    {
        var rows = new List<(Guid Parent, Guid Id, int Rank, DateTimeOffset At)>();
        await using var query = Command("""
            SELECT m.parent_id, m.id, m.source_rank, m.created_at
            FROM messages m JOIN conversations c ON c.id = m.conversation_id
            WHERE c.project_id = $1 AND c.origin = 'Import' AND m.created_at <= $2 AND m.role = 'Moss'
              AND m.source_rank IS NOT NULL AND m.parent_id IS NOT NULL
              AND NOT EXISTS (SELECT FROM judgements j JOIN annotators a ON a.id = j.annotator_id
                              WHERE j.message_id = m.parent_id AND j.kind = 'Ranking' AND a.kind = 'Import')
            ORDER BY m.parent_id, m.source_rank, m.created_at, m.id
            """);
        await using var row = await query.ExecuteReaderAsync(cancellation);
        while (await row.ReadAsync(cancellation))
            rows.Add((row.GetGuid(0), row.GetGuid(1), row.GetInt32(2), row.GetFieldValue<DateTimeOffset>(3)));
        return
        [
            .. rows.GroupBy(r => r.Parent).Select(set => new Judged(
                set.Key, JudgementKind.Ranking, set.Key, OasstRanks, AnnotatorKind.Import, set.Max(r => r.At))
            {
                Order = [.. set.GroupBy(r => r.Rank).Select(g => (IReadOnlyList<Guid>)[.. g.Select(r => r.Id)])],
                Sources = [.. set.Select(r => new ExampleSource(null, r.Id))],
            }),
        ];
    }

    /// <summary>The messages of these that are MOSS's, in conversations of the project that may teach.</summary>
    private async Task<Dictionary<Guid, PathMessage>> MessagesAsync(Guid[] ids, CancellationToken cancellation)
    {
        var found = new Dictionary<Guid, PathMessage>();
        await using var query = Command("""
            SELECT m.id, m.parent_id, m.role, m.text, m.source_rank, m.state <> 'Complete'
            FROM messages m JOIN conversations c ON c.id = m.conversation_id LEFT JOIN agent_runs r ON r.id = c.agent_run_id
            WHERE m.id = ANY($3) AND m.role = 'Moss' AND c.project_id = $1 AND m.created_at <= $2
              AND (r.id IS NULL OR r.split = 'Train')
            """, ids);
        await using var row = await query.ExecuteReaderAsync(cancellation);
        while (await row.ReadAsync(cancellation)) found[row.GetGuid(0)] = Message(row, 0);
        return found;
    }

    private async Task<Dictionary<Guid, JudgedPrompt>> PromptsAsync(Guid[] ends, CancellationToken cancellation)
    {
        var paths = new Dictionary<Guid, List<PathMessage>>();
        await using (var query = new NpgsqlCommand("""
            WITH RECURSIVE path AS (
                SELECT m.id AS ending, m.id, m.parent_id, 0 AS height FROM messages m WHERE m.id = ANY($1)
                UNION ALL SELECT p.ending, m.id, m.parent_id, p.height + 1 FROM path p JOIN messages m ON m.id = p.parent_id)
            SELECT p.ending, m.id, m.parent_id, m.role, m.text, m.source_rank, m.state <> 'Complete'
            FROM path p JOIN messages m ON m.id = p.id ORDER BY p.ending, p.height DESC
            """, connection) { Parameters = { new() { Value = ends } } })
        await using (var row = await query.ExecuteReaderAsync(cancellation))
        {
            while (await row.ReadAsync(cancellation))
            {
                if (!paths.TryGetValue(row.GetGuid(0), out var path)) paths[row.GetGuid(0)] = path = [];
                path.Add(Message(row, 1));
            }
        }
        return paths.ToDictionary(p => p.Key, p => new JudgedPrompt(KeyOf(p.Value), p.Value));
    }

    private static string KeyOf(List<PathMessage> path) =>
        CanonicalContent.Sha256(string.Join('\0', path.Select(m => $"{m.Role}\u0001{m.Text}")))[..32];

    private static PathMessage Message(NpgsqlDataReader row, int at) => new(
        row.GetGuid(at), row.IsDBNull(at + 1) ? null : row.GetGuid(at + 1), Enum.Parse<Role>(row.GetString(at + 2)),
        row.GetString(at + 3), row.IsDBNull(at + 4) ? null : row.GetInt32(at + 4), row.GetBoolean(at + 5));

    private NpgsqlCommand Command(string sql, Guid[]? ids = null)
    {
        var command = new NpgsqlCommand(sql, connection)
        {
            Parameters = { new() { Value = projectId }, new() { Value = rule.Until!.Value.ToUniversalTime() } },
        };
        if (ids is not null) command.Parameters.Add(new() { Value = ids });
        return command;
    }
}
