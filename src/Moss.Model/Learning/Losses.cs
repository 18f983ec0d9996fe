using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model.Learning;

/// <summary>Objectives as functions of activations.</summary>
public static class Losses
{
    private const long ChunkRows = 1_024; // rows of float32 logits in memory at once: 600 MB at a vocabulary of 152k

    /// <summary>Sum over learned positions of −log p(target), without gradient.</summary>
    /// <param name="ids">(B, T) int64, padded on the right.</param>
    /// <param name="targets">(B, T) int64, −100 where nothing is learned.</param>
    /// <returns>Nats, summed.</returns>
    public static double TokenCrossEntropy(Transformer model, Tensor ids, Tensor targets)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var (rows, wanted) = Learned(model.Hidden(ids), targets);
        var sum = 0.0;
        foreach (var (start, count) in Chunks(rows.shape[0]))
        {
            using var chunk = NewDisposeScope();
            sum += Chunk(model, rows.narrow(0, start, count), wanted.narrow(0, start, count)).item<float>();
        }
        return sum;
    }

    /// <summary>Adds the gradient of Σ −log p(target) / divisor to every trainable parameter and gives that loss back.</summary>
    /// <param name="divisor">Learned tokens of the whole optimizer step, so that 1 batch of 8 equals 8 of 1.</param>
    /// <returns>0-d loss in nats, detached, owned by the caller's scope.</returns>
    /// <remarks>
    /// Positions that are not learned are dropped before the head. The head's part is differentiated chunk by chunk while its logits exist;
    /// the sum of the chunks' gradients at the activations then goes through the network once. Exact, and the full logits never exist.
    /// </remarks>
    public static Tensor TokenCrossEntropyBackward(Transformer model, Tensor ids, Tensor targets, long divisor)
    {
        using var scope = NewDisposeScope();
        var (rows, wanted) = Learned(model.Hidden(ids), targets);
        if (rows.shape[0] == 0) throw new ArgumentException("No position of this batch is to be learned; its loss would be 0 / 0.", nameof(targets));
        var apart = rows.detach().requires_grad_();
        var total = zeros([], float32, device: model.Device);
        foreach (var (start, count) in Chunks(rows.shape[0]))
        {
            using var chunk = NewDisposeScope();
            var loss = Chunk(model, apart.narrow(0, start, count), wanted.narrow(0, start, count)) / divisor;
            loss.backward();
            using var mode = no_grad();
            total.add_(loss.detach());
        }
        rows.backward([apart.grad!]);
        return total.MoveToOuterDisposeScope();
    }

    /// <returns>(N, D) activations and (N) targets of the learned positions.</returns>
    private static (Tensor Rows, Tensor Targets) Learned(Tensor hidden, Tensor targets)
    {
        var flat = targets.reshape(-1);
        var places = flat.ne(TrainingExample.Ignored).nonzero().squeeze(1);
        return (hidden.reshape(-1, hidden.shape[2]).index_select(0, places), flat.index_select(0, places));
    }

    private static Tensor Chunk(Transformer model, Tensor rows, Tensor targets) =>
        functional.cross_entropy(model.Head(rows), targets, reduction: Reduction.Sum);

    private static IEnumerable<(long Start, long Count)> Chunks(long rows)
    {
        for (long start = 0; start < rows; start += ChunkRows) yield return (start, Math.Min(ChunkRows, rows - start));
    }
}
