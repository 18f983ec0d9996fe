namespace Moss.Annotate.Features.Checkpoints;

/// <summary>A row of the drawn family tree: the lane of its own node, and the strokes that pass through its height.</summary>
/// <param name="Through">Lanes that pass straight.</param>
/// <param name="FromAbove">Lanes above (children) that end in this node; its own lane if a single child sits straight above.</param>
/// <param name="Downward">True when a parent follows below.</param>
public sealed record LineageRow(int Lane, IReadOnlyList<int> Through, IReadOnlyList<int> FromAbove, bool Downward);

/// <summary>Lays out checkpoints, children above parents, in as few lanes as their branches need.</summary>
public static class LineageGraph
{
    /// <param name="rows">Newest first: every child stands before its parent. A parent that is not in the list counts as none.</param>
    public static IReadOnlyList<LineageRow> Lay(IReadOnlyList<(Guid Id, Guid? Parent)> rows)
    {
        var known = rows.Select(r => r.Id).ToHashSet();
        var lanes = new List<Guid?>(); // the parent that each lane waits for
        var laid = new List<LineageRow>(rows.Count);
        foreach (var (id, parent) in rows)
        {
            var waiting = Enumerable.Range(0, lanes.Count).Where(n => lanes[n] == id).ToList();
            var lane = waiting.Count > 0 ? waiting[0] : Free(lanes);
            foreach (var n in waiting) lanes[n] = null;
            var through = Enumerable.Range(0, lanes.Count).Where(n => lanes[n] is not null).ToList();
            var downward = parent is { } p && known.Contains(p) && p != id;
            lanes[lane] = downward ? parent : null;
            laid.Add(new LineageRow(lane, through, waiting, downward));
        }
        return laid;
    }

    private static int Free(List<Guid?> lanes)
    {
        var free = lanes.IndexOf(null);
        if (free >= 0) return free;
        lanes.Add(null);
        return lanes.Count - 1;
    }
}
