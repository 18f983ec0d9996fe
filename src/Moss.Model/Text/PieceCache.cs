namespace Moss.Model.Text;

/// <summary>
/// Ids of pieces met before, for one thread: no locks, a fixed size, and a newer piece takes an older one's place.
/// </summary>
internal sealed class PieceCache
{
    private const int Places = 1 << 15, MostCharacters = 20, MostIds = 6; // 2.1 MB; covers nearly every word of running text

    private readonly char[] _characters = new char[Places * MostCharacters];
    private readonly int[] _ids = new int[Places * MostIds];
    private readonly (byte Characters, byte Ids)[] _lengths = new (byte, byte)[Places]; // 0 characters: free

    public bool TryGet(ReadOnlySpan<char> piece, out ReadOnlySpan<int> ids)
    {
        if (piece.Length <= MostCharacters)
        {
            var place = PlaceOf(piece);
            if (Holds(place, piece) || Holds(place ^= 1, piece))
            {
                ids = _ids.AsSpan(place * MostIds, _lengths[place].Ids);
                return true;
            }
        }
        ids = default;
        return false;
    }

    public void Put(ReadOnlySpan<char> piece, ReadOnlySpan<int> ids)
    {
        if (piece.Length > MostCharacters || ids.Length > MostIds) return;
        var place = PlaceOf(piece);
        if (_lengths[place].Characters != 0 && _lengths[place ^ 1].Characters == 0) place ^= 1;
        piece.CopyTo(_characters.AsSpan(place * MostCharacters));
        ids.CopyTo(_ids.AsSpan(place * MostIds));
        _lengths[place] = ((byte)piece.Length, (byte)ids.Length);
    }

    private bool Holds(int place, ReadOnlySpan<char> piece) =>
        _lengths[place].Characters == piece.Length
        && piece.SequenceEqual(_characters.AsSpan(place * MostCharacters, piece.Length));

    private static int PlaceOf(ReadOnlySpan<char> piece)
    {
        var hash = (ulong)piece.Length;
        foreach (var c in piece) hash = (hash ^ c) * 0x9E37_79B9_7F4A_7C15; // 2^64 over the golden ratio
        return (int)(hash >> 49);
    }
}
