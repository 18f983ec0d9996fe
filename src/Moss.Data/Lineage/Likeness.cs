using Moss.Data.Datasets;

namespace Moss.Data.Lineage;

/// <summary>How alike another text is: Dice's coefficient over pairs of characters, which works in Chinese as in English.</summary>
internal sealed class Likeness(string text)
{
    private readonly string normal = SplitRule.Normalise(text);
    private readonly HashSet<int> pairs = Pairs(SplitRule.Normalise(text));

    public double To(string other)
    {
        var theirs = SplitRule.Normalise(other);
        if (theirs == normal) return 1;
        var others = Pairs(theirs);
        if (pairs.Count + others.Count == 0) return 0;
        var shared = others.Count(pairs.Contains);
        return Math.Min(0.999, 2.0 * shared / (pairs.Count + others.Count));
    }

    private static HashSet<int> Pairs(string text)
    {
        var found = new HashSet<int>();
        for (var i = 0; i + 1 < text.Length && i < 4_000; i++) found.Add((text[i] << 16) | text[i + 1]);
        return found;
    }
}
