using System.Text;

namespace Moss.Data.Datasets.Sides;

/// <summary>
/// The pieces by which two texts are compared: runs of 5 words, or of 5 characters where most tokens are Han, kana or hangul.
/// </summary>
internal static class Shingles
{
    private const int Length = 5;

    /// <summary>
    /// 64-bit hashes of the pieces, each once, ascending. A text of fewer tokens is one piece; one without letters and digits has
    /// none.
    /// </summary>
    public static ulong[] Of(string text)
    {
        var (tokens, spaceless) = Tokens(text);
        if (tokens.Count == 0) return [];
        var pieces = 2 * spaceless > tokens.Count
            ? [.. tokens.SelectMany(t => t.EnumerateRunes()).Select(r => r.ToString())]
            : tokens;
        var hashes = new SortedSet<ulong>();
        for (var i = 0; i == 0 || i + Length <= pieces.Count; i++)
            hashes.Add(Hash(pieces, i, Math.Min(Length, pieces.Count - i)));
        return [.. hashes];
    }

    /// <summary>Shared pieces over all pieces, 0 to 1.</summary>
    public static double Jaccard(ulong[] a, ulong[] b)
    {
        var (i, j, shared) = (0, 0, 0);
        while (i < a.Length && j < b.Length)
        {
            if (a[i] == b[j]) (i, j, shared) = (i + 1, j + 1, shared + 1);
            else if (a[i] < b[j]) i++;
            else j++;
        }
        return a.Length + b.Length == 0 ? 0 : (double)shared / (a.Length + b.Length - shared);
    }

    /// <summary>
    /// Compatibility forms and case folded; each Han, kana or hangul character is a token, other letters and digits form words,
    /// the rest is dropped.
    /// </summary>
    private static (List<string> Tokens, int Spaceless) Tokens(string text)
    {
        var (tokens, spaceless, word) = (new List<string>(), 0, new StringBuilder());
        foreach (var rune in SplitRule.Normalise(text).EnumerateRunes())
        {
            var alone = IsSpaceless(rune.Value) && Rune.IsLetter(rune);
            if (alone || !Rune.IsLetterOrDigit(rune)) EndWord();
            if (alone)
            {
                tokens.Add(rune.ToString());
                spaceless++;
            }
            else if (Rune.IsLetterOrDigit(rune)) word.Append(rune);
        }
        EndWord();
        return (tokens, spaceless);

        void EndWord()
        {
            if (word.Length > 0) tokens.Add(word.ToString());
            word.Clear();
        }
    }

    private static bool IsSpaceless(int rune) =>
        rune is (>= 0x1100 and < 0x1200) or (>= 0x2E80 and < 0xA4D0) or (>= 0xAC00 and < 0xD7B0) or (>= 0xF900 and < 0xFB00)
            or (>= 0x1B000 and < 0x1B170) or (>= 0x20000 and < 0x32000);

    /// <summary>FNV-1a over the tokens, each ended by a zero. The constants are the published ones for 64 bits.</summary>
    private static ulong Hash(List<string> tokens, int from, int count)
    {
        var hash = 14_695_981_039_346_656_037UL;
        for (var i = from; i < from + count; i++)
        {
            foreach (var c in tokens[i]) hash = (hash ^ c) * 1_099_511_628_211UL;
            hash *= 1_099_511_628_211UL;
        }
        return hash;
    }
}
