using Npgsql;

namespace Moss.Data.Datasets.Sides;

/// <summary>
/// Which conversations are held out. Beginnings are taken in the order in which they were said: one that is alike to an earlier
/// one, or belongs to the same conversation, goes to that one's side; the others are decided by <see cref="SplitRule"/>. So a
/// side, once taken, is never left, whatever comes later. What is alike to both sides goes to neither. What an earlier version of
/// the project held out is held out still, also when the share shrinks.
/// </summary>
internal sealed class SplitClusters
{
    private readonly double evalShare;
    private readonly IReadOnlySet<string> heldOutBefore;
    private readonly Dictionary<string, Cluster> texts = [];
    private readonly Dictionary<Guid, Cluster> conversations = [];
    private readonly Dictionary<Guid, Guid> conversationOf = [];
    private readonly Dictionary<Guid, string> textOf = [];
    private readonly List<Cluster> numbered = [];
    private readonly NearDuplicates near = new();

    /// <param name="heldOutBefore">Keys of the clusters that earlier versions held out.</param>
    public SplitClusters(double evalShare, IReadOnlySet<string> heldOutBefore) =>
        (this.evalShare, this.heldOutBefore) = (evalShare, heldOutBefore);

    /// <summary>The clusters of all conversations that had begun at the cut and may teach.</summary>
    public static async Task<SplitClusters> LoadAsync(
        NpgsqlConnection connection, Guid projectId, FreezeRule rule, IReadOnlySet<string> heldOutBefore,
        CancellationToken cancellation)
    {
        var clusters = new SplitClusters(rule.EvalShare, heldOutBefore);
        // Imported messages of one file share their times, so the conversations' own come second.
        await using var beginnings = new NpgsqlCommand("""
            SELECT m.id, m.conversation_id, m.text
            FROM messages m
            JOIN conversations c ON c.id = m.conversation_id
            LEFT JOIN messages p ON p.id = m.parent_id
            LEFT JOIN agent_runs r ON r.id = c.agent_run_id
            WHERE c.project_id = $1 AND m.created_at <= $2 AND m.role = 'Human' AND (m.parent_id IS NULL OR p.role = 'System')
              AND (r.id IS NULL OR r.split = 'Train')
            ORDER BY m.created_at, c.created_at, m.id
            """, connection)
        {
            Parameters = { new() { Value = projectId }, new() { Value = rule.Until!.Value.ToUniversalTime() } },
        };
        await using var said = await beginnings.ExecuteReaderAsync(cancellation);
        while (await said.ReadAsync(cancellation)) clusters.Add(said.GetGuid(0), said.GetGuid(1), said.GetString(2));
        return clusters;
    }

    /// <summary>
    /// The cluster of a conversation path, by the id of its first Human message. Null: it is unknown, so it is no part of this
    /// cut.
    /// </summary>
    public Cluster? Of(Guid firstHumanMessage)
    {
        if (!conversationOf.TryGetValue(firstHumanMessage, out var conversation)) return null;
        var (own, whole) = (texts[textOf[firstHumanMessage]], conversations[conversation]);
        return own.Side is not null && own.Side == whole.Side ? own : Between([.. own.Touches, .. whole.Touches], own.Key);
    }

    /// <summary>Takes the next beginning; to be called in the order in which they were said.</summary>
    public void Add(Guid message, Guid conversation, string text)
    {
        var key = SplitRule.Normalise(text);
        (conversationOf[message], textOf[message]) = (conversation, key);
        var before = conversations.GetValueOrDefault(conversation);
        if (texts.TryGetValue(key, out var known))
        {
            conversations[conversation] = before is null || before.Side == known.Side
                ? before ?? known : Between([.. before.Touches, .. known.Touches], known.Key);
            return;
        }
        var shingles = Shingles.Of(text);
        var alike = before is null ? [] : new List<Cluster> { before };
        foreach (var number in near.Candidates(shingles))
        {
            // A second one of the same side changes nothing; one of the other side changes all.
            if (alike.Exists(c => c.Side == numbered[number].Side)) continue;
            if (near.AreAlike(shingles, number)) alike.Add(numbered[number]);
        }
        var own = CanonicalContent.Sha256(key)[..32];
        var heldOut = heldOutBefore.Contains(own);
        var cluster = alike switch
        {
            [] => new Cluster(own, heldOut || SplitRule.IsHeldOut(text, evalShare) ? Split.Eval : Split.Train, [own]),
            [{ Side: not null } one] when !heldOut || one.Side == Split.Eval => one,
            _ => Between([own, .. alike.SelectMany(c => c.Touches)], own),
        };
        (texts[key], conversations[conversation]) = (cluster, cluster);
        if (cluster.Side is null) return; // nothing follows what is on neither side
        near.Add(shingles);
        numbered.Add(cluster);
    }

    private static Cluster Between(IEnumerable<string> touches, string key) => new(key, null, [.. touches.Distinct()]);
}
