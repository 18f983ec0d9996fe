namespace Moss.Data.Datasets.Preferences;

/// <summary>Keeps what rests on agents' opinions alone to a share of the whole.</summary>
internal static class AgentCap
{
    /// <summary>All that others stand behind, and of the rest as many as the share allows; the seed chooses which.</summary>
    /// <param name="identity">A text that is the same in every cut.</param>
    public static List<T> Apply<T>(
        IReadOnlyCollection<T> all, Func<T, bool> isAgents, Func<T, string> identity, FreezeRule rule, FreezePreview counts)
    {
        var agents = all.Where(isAgents).ToList();
        var others = all.Count - agents.Count;
        var allowed = rule.AgentShare >= 1 ? agents.Count
            : Math.Min(agents.Count, (int)(rule.AgentShare / (1 - rule.AgentShare) * others + 1e-9));
        var kept = agents.OrderBy(a => TextKey.Share(identity(a), rule.Seed)).ThenBy(identity, StringComparer.Ordinal)
            .Take(allowed).ToHashSet();
        counts.LeftOutAgents += agents.Count - allowed;
        return [.. all.Where(a => !isAgents(a) || kept.Contains(a))];
    }
}
