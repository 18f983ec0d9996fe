using Moss.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>log p(target) of chosen positions: the one function under every objective.</summary>
/// <remarks>
/// Shapes: R positions that count, D hidden, V vocabulary. Only as many rows of logits exist at once as a chunk holds; with a gradient, each chunk's
/// is formed in place of its logits. An objective that needs the values to know its weights (DPO) asks <see cref="Of"/> first; one that knows them
/// beforehand (cross-entropy: −1 / learned tokens) does not.
/// </remarks>
public static class TokenLogProbs
{
    internal const int ChunkRows = 1_024; // 600 MB of float32 logits at a vocabulary of 152k

    /// <param name="rows">(R, D) activations after the final norm, of the positions that count.</param>
    /// <param name="targets">(R) int64 token ids.</param>
    /// <returns>(R) float32, nats, without gradient, owned by the caller's scope.</returns>
    public static Tensor Of(Transformer model, Tensor rows, Tensor targets, int chunkRows = ChunkRows)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var found = Values(rows);
        foreach (var (start, count) in Chunks(rows, targets, chunkRows))
        {
            using var chunk = NewDisposeScope();
            var logits = model.Scores(rows.narrow(0, start, count), tape: null);
            SoftmaxRows.Differentiate(logits, targets.narrow(0, start, count), weights: null, found.narrow(0, start, count));
        }
        return found.MoveToOuterDisposeScope();
    }

    /// <summary>Differentiates Σ weight · log p(target): adds its gradient to whatever of the head is trainable, and gives back the rest.</summary>
    /// <param name="rows">(R, D) activations after the final norm, of the positions that count.</param>
    /// <param name="targets">(R) int64 token ids.</param>
    /// <param name="weights">(R) float32: derivative of the objective by each log-probability; negative where it is to rise.</param>
    /// <returns>
    /// (R) float32 log-probabilities and (R, D) gradient at the activations in their number format; no further graph hangs on either. Go on with
    /// <see cref="LearningPass.Backward(Tensor, Tensor)"/>.
    /// </returns>
    public static (Tensor LogProbs, Tensor RowGradients) WithGradient(Transformer model, Tensor rows, Tensor targets, Tensor weights, int chunkRows = ChunkRows)
    {
        if (weights.shape is not [var given] || given != rows.shape[0])
            throw new ArgumentException($"{rows.shape[0]:N0} rows need as many weights, not {string.Join(" x ", weights.shape)}.", nameof(weights));
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var found = Values(rows);
        var seen = rows.detach();
        var gradients = empty_like(seen);
        foreach (var (start, count) in Chunks(rows, targets, chunkRows))
        {
            using var chunk = NewDisposeScope();
            using var tape = model.NewTape();
            var scores = model.Scores(seen.narrow(0, start, count), tape);
            SoftmaxRows.Differentiate(scores, targets.narrow(0, start, count), weights.narrow(0, start, count), found.narrow(0, start, count));
            gradients.narrow(0, start, count).copy_(model.ScoresBackward(scores, tape));
        }
        return (found.MoveToOuterDisposeScope(), gradients.MoveToOuterDisposeScope());
    }

    private static Tensor Values(Tensor rows) => empty([rows.shape[0]], float32, rows.device);

    private static IEnumerable<(long Start, long Count)> Chunks(Tensor rows, Tensor targets, int chunkRows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(chunkRows, 1);
        if (rows.shape is not [var all, _] || targets.shape is not [var wanted] || wanted != all) throw new ArgumentException(
            $"Expected (R, D) rows and (R) targets, not {string.Join(" x ", rows.shape)} and {string.Join(" x ", targets.shape)}.", nameof(rows));
        for (long start = 0; start < all; start += chunkRows) yield return (start, Math.Min(chunkRows, all - start));
    }
}
