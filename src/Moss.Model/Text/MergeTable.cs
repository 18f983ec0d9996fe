namespace Moss.Model.Text;

/// <summary>
/// Which pairs of symbols merge, in which order, into what: open addressing, so that a look-up is one or two reads.
/// </summary>
internal sealed class MergeTable
{
    private const long Empty = -1;

    private readonly long[] _pairs;             // Pair(left, right), or Empty
    private readonly (int Rank, int Id)[] _results;

    // Drawn anew each time: no file can be made of pairs that collide.
    private readonly ulong _multiplier = (ulong)Random.Shared.NextInt64() | 1;
    private readonly int _shift;

    /// <param name="merges">Lowest rank first; a pair listed twice keeps its later rank, as in the reference engine.</param>
    public MergeTable(IReadOnlyList<(int Left, int Right, int Id)> merges)
    {
        var places = System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, merges.Count * 2));
        _shift = 64 - System.Numerics.BitOperations.Log2(places);
        (_pairs, _results) = (new long[places], new (int, int)[places]);
        Array.Fill(_pairs, Empty);
        for (var rank = 0; rank < merges.Count; rank++)
        {
            var (left, right, id) = merges[rank];
            var place = PlaceOf(Pair(left, right));
            (_pairs[place], _results[place]) = (Pair(left, right), (rank, id));
        }
    }

    public static long Pair(int left, int right) => ((long)left << 32) | (uint)right;

    /// <summary>Rank and result of the pair; the rank is <see cref="int.MaxValue"/> when it does not merge.</summary>
    public (int Rank, int Id) Of(int left, int right)
    {
        var place = PlaceOf(Pair(left, right));
        return _pairs[place] == Empty ? (int.MaxValue, -1) : _results[place];
    }

    private int PlaceOf(long pair)
    {
        var place = (int)(((ulong)pair * _multiplier) >> _shift);
        while (_pairs[place] != pair && _pairs[place] != Empty) place = (place + 1) & (_pairs.Length - 1);
        return place;
    }
}
