using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>Cross-entropy of a padded rectangle, by <see cref="TokenLogProbs"/>.</summary>
public static class Losses
{
    /// <summary>Sum over learned positions of −log p(target), without gradient.</summary>
    /// <param name="ids">(B, T) int64, padded on the right.</param>
    /// <param name="targets">(B, T) int64, −100 where nothing is learned.</param>
    /// <returns>Nats, summed.</returns>
    public static double TokenCrossEntropy(Transformer model, Tensor ids, Tensor targets)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var (rows, wanted) = Learned(model.Hidden(ids), targets);
        return -TokenLogProbs.Of(model, rows, wanted).sum(ScalarType.Float64).item<double>();
    }

    /// <summary>Adds the gradient of Σ −log p(target) / divisor to every trainable parameter and gives that loss back.</summary>
    /// <param name="divisor">Learned tokens of the whole optimizer step, so that 1 batch of 8 equals 8 of 1.</param>
    /// <returns>0-d loss in nats, detached, owned by the caller's scope.</returns>
    public static Tensor TokenCrossEntropyBackward(Transformer model, Tensor ids, Tensor targets, long divisor)
    {
        using var scope = NewDisposeScope();
        var (rows, wanted) = Learned(model.Hidden(ids), targets);
        if (rows.shape[0] == 0) throw new ArgumentException("No position of this batch is to be learned; its loss would be 0 / 0.", nameof(targets));
        var (logProbs, gradients) = TokenLogProbs.WithGradient(model, rows, wanted, full([rows.shape[0]], -1.0 / divisor, float32, rows.device));
        rows.backward([gradients]);
        return (-logProbs.sum() / divisor).MoveToOuterDisposeScope();
    }

    /// <returns>(R, D) activations and (R) targets of the learned positions.</returns>
    private static (Tensor Rows, Tensor Targets) Learned(Tensor hidden, Tensor targets)
    {
        var flat = targets.reshape(-1);
        var places = flat.ne(TrainingExample.Ignored).nonzero().squeeze(1);
        return (hidden.reshape(-1, hidden.shape[2]).index_select(0, places), flat.index_select(0, places));
    }
}
