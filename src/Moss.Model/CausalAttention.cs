using Moss.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model;

/// <summary>Attention over whole sequences on the CPU, as batched matrix products with the softmax between them done in place.</summary>
/// <remarks>
/// Shapes: B sequences of T tokens, G = B · K groups of query heads that share a key head, M heads in a group, E head dimension. libtorch's own kernel
/// multiplies half-precision numbers one tile at a time and reaches a fifth of what its batched products do. A group's heads lie below each other as rows,
/// so shared keys are not copied, and their gradients add up within the product.
/// </remarks>
internal static class CausalAttention
{
    private const long BlockNumbers = 1 << 22; // scores at once: 8 MB in half precision, about a core's share of cache
    private const long MostRows = 512;         // positions of a block: later ones look further, so longer sequences skip most of what they may not see

    /// <param name="query">(B·T, K·M, E).</param>
    /// <param name="key">(B·T, K, E).</param>
    /// <param name="value">(B·T, K, E).</param>
    /// <param name="sequences">B.</param>
    /// <param name="tape">Takes what <see cref="Backward"/> needs; null when there is no way back.</param>
    /// <returns>(B·T, K·M·E).</returns>
    public static Tensor Forward(Tensor query, Tensor key, Tensor value, int sequences, Tape? tape)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = (Grouped(query, sequences, key.shape[1]), Grouped(key, sequences, key.shape[1]).squeeze(1), Grouped(value, sequences, key.shape[1]).squeeze(1));
        var logs = empty([q.shape[0], q.shape[1], q.shape[2]], float32);                              // (G, M, T)
        var mixed = empty_like(q);                                                                    // (G, M, T, E)
        foreach (var block in Blocks(q.shape))
        {
            using var inner = NewDisposeScope();
            var (rows, keys, values) = (block.Of(q), block.Keys(k), block.Keys(v));
            var scores = rows.bmm(keys.transpose(1, 2));                                              // (g, M·r, S)
            var sums = empty([scores.shape[0], scores.shape[1]], float32);
            CausalSoftmax.Forward(scores, block.First, Scale(q), sums);
            block.Put(mixed, scores.bmm(values));
            block.Put(logs, sums);
        }
        if (tape is not null) foreach (var kept in (Tensor[])[q, k, v, logs]) tape.Keep(kept);
        return Ungrouped(mixed, sequences).view(query.shape[0], -1).MoveToOuterDisposeScope();
    }

    /// <param name="gradient">(B·T, K·M·E) at the result.</param>
    /// <returns>Gradients at query, key and value, shaped as they were.</returns>
    public static (Tensor Query, Tensor Key, Tensor Value) Backward(Tensor gradient, int sequences, Tape tape)
    {
        using var scope = NewDisposeScope();
        var (logs, v, k, q) = (tape.Take(scope), tape.Take(scope), tape.Take(scope), tape.Take(scope));
        var d = Grouped(gradient.view(gradient.shape[0], -1, q.shape[3]), sequences, q.shape[0] / sequences);
        var (dq, dk, dv) = (empty_like(q), zeros_like(k), zeros_like(v));
        foreach (var block in Blocks(q.shape))
        {
            using var inner = NewDisposeScope();
            var (rows, keys, values, given) = (block.Of(q), block.Keys(k), block.Keys(v), block.Of(d));
            var scores = rows.bmm(keys.transpose(1, 2));
            var change = given.bmm(values.transpose(1, 2));
            CausalSoftmax.Backward(scores, change, block.First, Scale(q), block.Of(logs.unsqueeze(3)).squeeze(2).contiguous());
            block.Keys(dv).add_(scores.transpose(1, 2).bmm(given));
            block.Put(dq, change.bmm(keys));
            block.Keys(dk).add_(change.transpose(1, 2).bmm(rows));
        }
        return scope.MoveToOuter(Ungrouped(dq, sequences), Ungrouped(dk.unsqueeze(1), sequences), Ungrouped(dv.unsqueeze(1), sequences));
    }

    private static double Scale(Tensor query) => 1 / Math.Sqrt(query.shape[3]);

    /// <summary>(B·T, K·M, E) → (B·K, M, T, E), in order in memory.</summary>
    private static Tensor Grouped(Tensor x, int sequences, long groups) =>
        x.view(sequences, x.shape[0] / sequences, groups, x.shape[1] / groups, x.shape[2]).permute(0, 2, 3, 1, 4)
            .reshape(sequences * groups, x.shape[1] / groups, x.shape[0] / sequences, x.shape[2]);

    /// <summary>(B·K, M, T, E) → (B·T, K·M, E).</summary>
    private static Tensor Ungrouped(Tensor x, int sequences) =>
        x.view(sequences, x.shape[0] / sequences, x.shape[1], x.shape[2], x.shape[3]).permute(0, 3, 1, 2, 4)
            .reshape(sequences * x.shape[2], x.shape[0] / sequences * x.shape[1], x.shape[3]);

    /// <summary>Cuts (G, M, T, …) into pieces whose scores stay in cache.</summary>
    private static IEnumerable<Block> Blocks(long[] shape)
    {
        var (groups, heads, tokens) = (shape[0], shape[1], shape[2]);
        for (long first = 0; first < tokens; first += MostRows)
        {
            var rows = Math.Min(MostRows, tokens - first);
            var step = Math.Clamp(BlockNumbers / (heads * rows * (first + rows)), 1, groups);
            for (long group = 0; group < groups; group += step) yield return new(group, Math.Min(step, groups - group), first, rows);
        }
    }

    /// <summary>Some groups' queries from one position on, and all the keys that they see.</summary>
    private readonly record struct Block(long Group, long Groups, long First, long Rows)
    {
        /// <summary>(G, M, T, E) → (g, M·r, E).</summary>
        public Tensor Of(Tensor x) => Part(x).reshape(Groups, x.shape[1] * Rows, x.shape[3]);

        /// <summary>(G, T, E) → (g, S, E), the same memory.</summary>
        public Tensor Keys(Tensor x) => x.narrow(0, Group, Groups).narrow(1, 0, First + Rows);

        /// <summary>The reverse of <see cref="Of"/>.</summary>
        public void Put(Tensor into, Tensor x)
        {
            var place = Part(into);
            place.copy_(x.view(place.shape));
        }

        private Tensor Part(Tensor x) => x.narrow(0, Group, Groups).narrow(2, First, Rows);
    }
}
