namespace Moss.Data.Datasets.Preferences;

/// <summary>Levenshtein's distance: how many characters one has to insert, delete or replace.</summary>
internal static class EditDistance
{
    /// <summary>
    /// Whether the texts, normalised, differ in at least this share of the longer one's characters, and at all.
    /// </summary>
    public static bool IsAtLeast(string a, string b, double share)
    {
        (a, b) = (SplitRule.Normalise(a), SplitRule.Normalise(b));
        if (a == b) return false;
        var least = Math.Max(1, (int)Math.Ceiling(share * Math.Max(a.Length, b.Length)));
        return !IsWithin(a, b, least - 1);
    }

    /// <summary>
    /// Whether the distance is at most this. Looks at a band of the table only (Ukkonen 1985): time grows with the limit, not
    /// with both lengths.
    /// </summary>
    private static bool IsWithin(string one, string other, int limit)
    {
        var (front, back) = (one.AsSpan().CommonPrefixLength(other), 0);
        while (back < Math.Min(one.Length, other.Length) - front && one[^(back + 1)] == other[^(back + 1)]) back++;
        var a = one.AsSpan(front, one.Length - front - back);
        var b = other.AsSpan(front, other.Length - front - back);
        if (Math.Abs(a.Length - b.Length) > limit) return false;

        var far = limit + 1;
        var (row, next) = (new int[b.Length + 1], new int[b.Length + 1]);
        for (var j = 0; j <= b.Length; j++) row[j] = Math.Min(j, far);
        for (var i = 1; i <= a.Length; i++)
        {
            var (from, to) = (Math.Max(1, i - limit), Math.Min(b.Length, i + limit));
            next[from - 1] = from == 1 ? Math.Min(i, far) : far;
            var best = next[from - 1];
            for (var j = from; j <= to; j++)
            {
                var above = j == i + limit ? far : row[j]; // outside the band
                next[j] = Math.Min(far, Math.Min(row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), Math.Min(above, next[j - 1]) + 1));
                best = Math.Min(best, next[j]);
            }
            if (best > limit) return false;
            (row, next) = (next, row);
        }
        return row[b.Length] <= limit;
    }
}
