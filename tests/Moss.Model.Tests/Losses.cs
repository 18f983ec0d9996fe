using Moss.Model.Learning;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

/// <summary>Cross-entropy of a padded rectangle, by <see cref="TokenLogProbs"/>.</summary>
internal static class Losses
{
    /// <summary>Sum over learned positions of −log p(target), without gradient.</summary>
    /// <param name="ids">(B, T) int64, padded on the right.</param>
    /// <param name="targets">(B, T) int64, −100 where nothing is learned.</param>
    /// <returns>Nats, summed.</returns>
    public static double TokenCrossEntropy(Transformer model, Tensor ids, Tensor targets)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var (places, wanted) = Learned(targets);
        var rows = model.Hidden(ids).reshape(-1, model.Config.HiddenSize).index_select(0, places);
        return -TokenLogProbs.Of(model, rows, wanted).sum(ScalarType.Float64).item<double>();
    }

    /// <summary>Adds the gradient of Σ −log p(target) / divisor to every trainable parameter and gives that loss back.</summary>
    /// <param name="divisor">Learned tokens of the whole optimizer step, so that 1 batch of 8 equals 8 of 1.</param>
    /// <returns>0-d loss in nats, detached, owned by the caller's scope.</returns>
    public static Tensor TokenCrossEntropyBackward(Transformer model, Tensor ids, Tensor targets, long divisor)
    {
        using var scope = NewDisposeScope();
        var (places, wanted) = Learned(targets);
        using var pass = model.Learn(ids.reshape(-1), [.. Enumerable.Repeat(new Segment((int)ids.shape[1]), (int)ids.shape[0])]);
        var weights = full([places.shape[0]], -1.0 / divisor, float32, places.device);
        var (logProbs, gradients) = TokenLogProbs.WithGradient(model, pass.Rows(places), wanted, weights);
        pass.Backward(places, gradients);
        return (-logProbs.sum() / divisor).MoveToOuterDisposeScope();
    }

    /// <returns>(R) the learned positions and (R) their targets.</returns>
    private static (Tensor Places, Tensor Targets) Learned(Tensor targets)
    {
        var flat = targets.reshape(-1);
        var places = flat.ne(TrainingExample.Ignored).nonzero().squeeze(1);
        return (places, flat.index_select(0, places));
    }
}
