using System.Collections.Concurrent;
using System.Text;

namespace Moss.Model.Text;

/// <summary>Byte-pair merging of one piece of text: lowest rank first, leftmost on a tie.</summary>
internal sealed class BytePairs(int[] idOfByte, Dictionary<long, (int Rank, int Id)> merges, Dictionary<string, int>? wholePieces)
{
    private const int CachedPieces = 200_000, CachedLength = 48, ShortPiece = 64;
    private readonly ConcurrentDictionary<string, int[]> _cache = new();
    private int _cached;

    public static long Pair(int left, int right) => ((long)left << 32) | (uint)right;

    public void Encode(ReadOnlySpan<char> piece, List<int> ids)
    {
        if (piece.Length > CachedLength)
        {
            ids.AddRange(Merge(piece));
            return;
        }
        if (!_cache.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(piece, out var known))
        {
            known = Merge(piece);
            if (_cached < CachedPieces && _cache.TryAdd(piece.ToString(), known)) Interlocked.Increment(ref _cached);
        }
        ids.AddRange(known);
    }

    private int[] Merge(ReadOnlySpan<char> piece)
    {
        var bytes = new byte[Encoding.UTF8.GetMaxByteCount(piece.Length)];
        var count = Encoding.UTF8.GetBytes(piece, bytes);
        if (wholePieces is not null && wholePieces.TryGetValue(ByteSymbols.Encode(bytes.AsSpan(0, count)), out var whole)) return [whole];

        var ids = new int[count];
        for (var i = 0; i < count; i++) ids[i] = idOfByte[bytes[i]];
        return count <= ShortPiece ? MergeShort(ids) : MergeLong(ids);
    }

    /// <summary>Looks for the best pair from the left each time: fastest for words.</summary>
    private int[] MergeShort(int[] ids)
    {
        var count = ids.Length;
        Span<int> ranks = stackalloc int[Math.Max(1, count)]; // rank of the pair (i, i + 1)
        for (var i = 0; i + 1 < count; i++) ranks[i] = Rank(ids[i], ids[i + 1]);
        while (count > 1)
        {
            var (best, at) = (int.MaxValue, -1);
            for (var i = 0; i + 1 < count; i++)
                if (ranks[i] < best) (best, at) = (ranks[i], i);
            if (at < 0) break;
            ids[at] = merges[Pair(ids[at], ids[at + 1])].Id;
            count--;
            for (var i = at + 1; i < count; i++) (ids[i], ranks[i]) = (ids[i + 1], ranks[i + 1]);
            if (at > 0) ranks[at - 1] = Rank(ids[at - 1], ids[at]);
            if (at + 1 < count) ranks[at] = Rank(ids[at], ids[at + 1]);
        }
        return ids[..count];
    }

    /// <summary>A queue of pairs over a linked list: long runs stay n log n.</summary>
    private int[] MergeLong(int[] ids)
    {
        var (next, previous) = (new int[ids.Length], new int[ids.Length]);
        var queue = new PriorityQueue<(int At, int Left, int Right), long>();
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
            ids[pair.At] = merges[Pair(pair.Left, pair.Right)].Id;
            ids[right] = -1;
            next[pair.At] = next[right];
            if (next[right] < ids.Length) previous[next[right]] = pair.At;
            Offer(previous[pair.At], pair.At);
            Offer(pair.At, next[pair.At]);
        }
        return [.. ids.Where(id => id >= 0)];

        void Offer(int left, int right)
        {
            if (left < 0 || right >= ids.Length) return;
            var rank = Rank(ids[left], ids[right]);
            if (rank < int.MaxValue) queue.Enqueue((left, ids[left], ids[right]), Pair(rank, left));
        }
    }

    private int Rank(int left, int right) => merges.TryGetValue(Pair(left, right), out var merge) ? merge.Rank : int.MaxValue;
}
