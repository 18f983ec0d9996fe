namespace Moss.Data.Datasets;

/// <summary>
/// Finds the texts among those seen so far that say nearly the same: MinHash proposes, the true Jaccard similarity decides. 128 permutations;
/// 25 bands of 5 rows find a pair that is 80 % alike with probability 1 − (1 − 0.8⁵)²⁵ = 0.99995.
/// </summary>
internal sealed class NearDuplicates
{
    /// <summary>Two texts are near duplicates from this Jaccard similarity of their shingles on.</summary>
    public const double Alike = 0.8;

    private const int Permutations = 128, Bands = 25, Rows = 5;
    private static readonly ulong[] Seeds = [.. Enumerable.Range(1, Permutations).Select(n => Mix((ulong)n * 0x9E3779B97F4A7C15))];
    private readonly Dictionary<(int Band, ulong Hash), List<int>> buckets = [];
    private readonly Dictionary<int, ulong[]> texts = [];

    /// <summary>Numbers of the texts that may be near duplicates, ascending; see <see cref="AreAlike"/>.</summary>
    public IReadOnlyCollection<int> Candidates(ulong[] shingles)
    {
        var found = new SortedSet<int>();
        foreach (var key in Keys(shingles))
            if (buckets.TryGetValue(key, out var members)) found.UnionWith(members);
        return found;
    }

    public bool AreAlike(ulong[] shingles, int number) => Shingles.Jaccard(shingles, texts[number]) >= Alike;

    public void Add(int number, ulong[] shingles)
    {
        texts[number] = shingles;
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
