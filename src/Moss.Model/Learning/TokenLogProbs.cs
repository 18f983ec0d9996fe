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
            var logits = model.Head(rows.narrow(0, start, count));
            found.narrow(0, start, count).copy_(Chosen(logits, targets.narrow(0, start, count), logits.logsumexp(1, keepdim: true)));
        }
        return found.MoveToOuterDisposeScope();
    }

    /// <summary>Differentiates Σ weight · log p(target): adds its gradient to whatever of the head is trainable, and gives back the rest.</summary>
    /// <param name="rows">(R, D) activations after the final norm, of the positions that count.</param>
    /// <param name="targets">(R) int64 token ids.</param>
    /// <param name="weights">(R) float32: derivative of the objective by each log-probability; negative where it is to rise.</param>
    /// <returns>
    /// (R) float32 log-probabilities and (R, D) gradient at the activations in their number format; no further graph hangs on either. Go on with
    /// <c>rows.backward([RowGradients])</c>.
    /// </returns>
    public static (Tensor LogProbs, Tensor RowGradients) WithGradient(Transformer model, Tensor rows, Tensor targets, Tensor weights, int chunkRows = ChunkRows)
    {
        if (weights.shape is not [var given] || given != rows.shape[0])
            throw new ArgumentException($"{rows.shape[0]:N0} rows need as many weights, not {string.Join(" x ", weights.shape)}.", nameof(weights));
        using var scope = NewDisposeScope();
        var found = Values(rows);
        var gradients = empty_like(rows.detach());
        foreach (var (start, count) in Chunks(rows, targets, chunkRows))
        {
            using var chunk = NewDisposeScope();
            var seen = rows.detach().narrow(0, start, count).requires_grad_();
            var logits = model.Head(seen);
            using (no_grad())
            {
                var (wanted, weight) = (targets.narrow(0, start, count), weights.narrow(0, start, count).unsqueeze(1));
                var scores = logits.detach(); // the same memory: no step back needs the logits themselves
                var log = scores.logsumexp(1, keepdim: true);
                found.narrow(0, start, count).copy_(Chosen(scores, wanted, log));
                scores.sub_(log).exp_().mul_(-weight).scatter_add_(1, wanted.unsqueeze(1), weight);
                logits.backward([scores]);
                gradients.narrow(0, start, count).copy_(seen.grad!);
            }
        }
        return (found.MoveToOuterDisposeScope(), gradients.MoveToOuterDisposeScope());
    }

    private static Tensor Values(Tensor rows) => empty([rows.shape[0]], float32, rows.device);

    private static Tensor Chosen(Tensor logits, Tensor targets, Tensor log) => logits.gather(1, targets.unsqueeze(1)).sub_(log).squeeze(1);

    private static IEnumerable<(long Start, long Count)> Chunks(Tensor rows, Tensor targets, int chunkRows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(chunkRows, 1);
        if (rows.shape is not [var all, _] || targets.shape is not [var wanted] || wanted != all) throw new ArgumentException(
            $"Expected (R, D) rows and (R) targets, not {string.Join(" x ", rows.shape)} and {string.Join(" x ", targets.shape)}.", nameof(rows));
        for (long start = 0; start < all; start += chunkRows) yield return (start, Math.Min(chunkRows, all - start));
    }
}
