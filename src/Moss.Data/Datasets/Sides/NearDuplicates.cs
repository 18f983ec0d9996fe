namespace Moss.Data.Datasets.Sides;

/// <summary>
/// Finds the texts among those seen so far that say nearly the same: MinHash proposes, the true Jaccard similarity decides. 128
/// permutations in 25 bands of 5 rows; a text is proposed when two bands agree. With p = 0.8⁵ that finds two texts that are 80 %
/// alike with probability 1 − (1 − p)²⁵ − 25p(1 − p)²⁴ = 0.9994, and spares us most of the many that only begin with the same
/// instruction.
/// </summary>
internal sealed class NearDuplicates
{
    /// <summary>Two texts are near duplicates from this Jaccard similarity of their shingles on.</summary>
    public const double Alike = 0.8;

    private const int Permutations = 128, Bands = 25, Rows = 5;
    private static readonly ulong[] Seeds =
        [.. Enumerable.Range(1, Permutations).Select(n => Mix((ulong)n * 0x9E3779B97F4A7C15))];
    private readonly Dictionary<(int Band, ulong Hash), List<int>> buckets = [];
    private readonly List<ulong[]> texts = [];
    private readonly List<byte> agreeing = []; // bands, by number; all 0 between two calls

    /// <summary>Numbers of the texts that may be near duplicates, ascending; see <see cref="AreAlike"/>.</summary>
    public IReadOnlyList<int> Candidates(ulong[] shingles)
    {
        var (touched, found) = (new List<int>(), new List<int>());
        foreach (var key in Keys(shingles))
        {
            if (!buckets.TryGetValue(key, out var members)) continue;
            foreach (var number in members)
            {
                agreeing[number]++;
                if (agreeing[number] == 1) touched.Add(number);
                if (agreeing[number] == 2) found.Add(number);
            }
        }
        foreach (var number in touched) agreeing[number] = 0;
        found.Sort();
        return found;
    }

    public bool AreAlike(ulong[] shingles, int number) => Shingles.Jaccard(shingles, texts[number]) >= Alike;

    /// <summary>Takes the next text; the first one is number 0.</summary>
    public void Add(ulong[] shingles)
    {
        var number = texts.Count;
        texts.Add(shingles);
        agreeing.Add(0);
        foreach (var key in Keys(shingles))
        {
            if (!buckets.TryGetValue(key, out var members)) buckets[key] = members = [];
            members.Add(number);
        }
    }

    private static IEnumerable<(int, ulong)> Keys(ulong[] shingles)
    {
        if (shingles.Length == 0) yield break;
        for (var band = 0; band < Bands; band++)
        {
            var key = 0UL;
            for (var row = 0; row < Rows; row++) key = Mix(key ^ Least(shingles, Seeds[band * Rows + row]));
            yield return (band, key);
        }
    }

    private static ulong Least(ulong[] shingles, ulong seed)
    {
        var least = ulong.MaxValue;
        foreach (var shingle in shingles) least = Math.Min(least, Mix(shingle ^ seed));
        return least;
    }

    /// <summary>The finalizer of SplitMix64 (Steele, Lea and Flood 2014): every input bit changes half of the output's.</summary>
    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
