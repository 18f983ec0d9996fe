namespace Moss.Data.Datasets.Preferences;

/// <summary>Which replies stand in a circle: from each of them "better than" leads to every other one of its component.</summary>
internal static class StrongComponents
{
    /// <summary>
    /// A number per reply; two have the same when they are in one component. Kosaraju's two walks, without recursion.
    /// </summary>
    public static Dictionary<string, int> Of(IReadOnlyCollection<(string Better, string Worse)> edges)
    {
        var (down, up) = (edges.ToLookup(e => e.Better, e => e.Worse), edges.ToLookup(e => e.Worse, e => e.Better));
        var all = edges.SelectMany(e => new[] { e.Better, e.Worse }).Distinct().Order(StringComparer.Ordinal).ToList();
        var (seen, finished) = (new HashSet<string>(), new List<string>());
        foreach (var start in all) Walk(start, down, seen.Add, finished.Add);
        var component = new Dictionary<string, int>();
        var number = 0;
        foreach (var start in Enumerable.Reverse(finished))
        {
            var mine = number;
            if (!component.ContainsKey(start)) number++;
            Walk(start, up, reply => component.TryAdd(reply, mine), _ => { });
        }
        return component;
    }

    private static void Walk(string start, ILookup<string, string> edges, Func<string, bool> enter, Action<string> leave)
    {
        if (!enter(start)) return;
        var open = new Stack<(string Reply, IEnumerator<string> Next)>([(start, edges[start].GetEnumerator())]);
        while (open.TryPeek(out var top))
        {
            if (!top.Next.MoveNext()) leave(open.Pop().Reply);
            else if (enter(top.Next.Current)) open.Push((top.Next.Current, edges[top.Next.Current].GetEnumerator()));
        }
    }
}
