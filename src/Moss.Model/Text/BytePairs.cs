using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace Moss.Model.Text;

/// <summary>Byte-pair merging of one piece of text: lowest rank first, leftmost on a tie.</summary>
/// <param name="wholePieces">Vocabulary by symbol when a piece that is in it is taken whole (ignore_merges), else null.</param>
internal sealed class BytePairs(int[] idOfByte, MergeTable merges, Dictionary<string, int>? wholePieces)
{
    private const int ShortPiece = 128; // bytes; up to here looking for the best pair anew beats a queue

    public void Encode(ReadOnlySpan<char> piece, List<int> ids, PieceCache cache)
    {
        if (cache.TryGet(piece, out var known))
        {
            if (known.Length == 1) ids.Add(known[0]);
            else ids.AddRange(known);
            return;
        }
        var start = ids.Count;
        Merge(piece, ids);
        cache.Put(piece, CollectionsMarshal.AsSpan(ids)[start..]);
    }

    private void Merge(ReadOnlySpan<char> piece, List<int> ids)
    {
        if (piece.Length > ShortPiece / 3)
        {
            var most = Encoding.UTF8.GetMaxByteCount(piece.Length);
            var (bytes, symbols) = (ArrayPool<byte>.Shared.Rent(most), ArrayPool<int>.Shared.Rent(most));
            Merge(bytes.AsSpan(0, Encoding.UTF8.GetBytes(piece, bytes)), symbols, ids);
            ArrayPool<byte>.Shared.Return(bytes);
            ArrayPool<int>.Shared.Return(symbols);
            return;
        }
        Span<byte> few = stackalloc byte[ShortPiece]; // a character takes at most 3 bytes, a pair of surrogates 4
        Merge(few[..Encoding.UTF8.GetBytes(piece, few)], stackalloc int[ShortPiece], ids);
    }

    private void Merge(ReadOnlySpan<byte> bytes, Span<int> symbols, List<int> ids)
    {
        if (wholePieces is not null && Whole(bytes) is { } whole)
        {
            ids.Add(whole);
            return;
        }
        symbols = symbols[..bytes.Length];
        for (var i = 0; i < bytes.Length; i++) symbols[i] = idOfByte[bytes[i]];
        if (bytes.Length <= ShortPiece) ids.AddRange(symbols[..MergeShort(symbols)]);
        else MergeLong(symbols, ids);
    }

    private int? Whole(ReadOnlySpan<byte> bytes)
    {
        Span<char> symbol = bytes.Length <= ShortPiece ? stackalloc char[ShortPiece] : new char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++) symbol[i] = ByteSymbols.Of(bytes[i]);
        return wholePieces!.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(symbol[..bytes.Length], out var id) ? id : null;
    }

    /// <summary>Looks for the best pair from the left each time: fastest for words.</summary>
    /// <returns>How many symbols are left, at the beginning of the span.</returns>
    private int MergeShort(Span<int> ids)
    {
        var count = ids.Length;
        Span<(int Rank, int Id)> pairs = stackalloc (int, int)[ShortPiece]; // of (i, i + 1)
        for (var i = 0; i + 1 < count; i++) pairs[i] = merges.Of(ids[i], ids[i + 1]);
        while (count > 1)
        {
            var (best, at) = (int.MaxValue, -1);
            for (var i = 0; i + 1 < count; i++)
                if (pairs[i].Rank < best) (best, at) = (pairs[i].Rank, i);
            if (at < 0) break;
            ids[at] = pairs[at].Id;
            count--;
            ids[(at + 2)..(count + 1)].CopyTo(ids[(at + 1)..]);
            pairs[(at + 1)..count].CopyTo(pairs[at..]);
            if (at > 0) pairs[at - 1] = merges.Of(ids[at - 1], ids[at]);
            if (at + 1 < count) pairs[at] = merges.Of(ids[at], ids[at + 1]);
        }
        return count;
    }

    /// <summary>A queue of pairs over a linked list: long runs stay n log n.</summary>
    private void MergeLong(Span<int> symbols, List<int> merged)
    {
        var ids = symbols.ToArray();
        var (next, previous) = (new int[ids.Length], new int[ids.Length]);
        var queue = new PriorityQueue<(int At, int Left, int Right, int Id), long>();
        for (var i = 0; i < ids.Length; i++)
        {
            (next[i], previous[i]) = (i + 1, i - 1);
            Offer(i, i + 1);
        }
        while (queue.TryDequeue(out var pair, out _))
        {
            var right = next[pair.At];
            // An entry is stale when either side has been merged since.
            if (right >= ids.Length || ids[pair.At] != pair.Left || ids[right] != pair.Right) continue;
            ids[pair.At] = pair.Id;
            ids[right] = -1;
            next[pair.At] = next[right];
            if (next[right] < ids.Length) previous[next[right]] = pair.At;
            Offer(previous[pair.At], pair.At);
            Offer(pair.At, next[pair.At]);
        }
        foreach (var id in ids)
            if (id >= 0) merged.Add(id);

        void Offer(int left, int right)
        {
            if (left < 0 || right >= ids.Length) return;
            var (rank, id) = merges.Of(ids[left], ids[right]);
            if (rank < int.MaxValue) queue.Enqueue((left, ids[left], ids[right], id), MergeTable.Pair(rank, left));
        }
    }
}
