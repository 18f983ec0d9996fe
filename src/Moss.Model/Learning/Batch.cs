using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>Examples of similar length, padded on the right to one rectangle.</summary>
internal sealed record Batch(IReadOnlyList<TrainingExample> Examples)
{
    private int Width => Examples.Max(e => e.Tokens.Length);

    /// <summary>Cuts examples, sorted by length, into batches of at most this many padded tokens (or one example).</summary>
    public static IEnumerable<Batch> Cut(IEnumerable<TrainingExample> examples, int paddedTokens)
    {
        var batch = new List<TrainingExample>();
        foreach (var example in examples.OrderBy(e => e.Tokens.Length)) // ascending: the newest is the widest
        {
            if (batch.Count > 0 && (batch.Count + 1L) * example.Tokens.Length > paddedTokens)
            {
                yield return new([.. batch]);
                batch.Clear();
            }
            batch.Add(example);
        }
        if (batch.Count > 0) yield return new(batch);
    }

    /// <returns>(B, T) ids and targets. Padding is never learned, and causality keeps it unseen.</returns>
    public (Tensor Ids, Tensor Targets) Tensors(Device device)
    {
        var (rows, width) = (Examples.Count, Width);
        var (ids, targets) = (new long[rows * width], new long[rows * width]);
        Array.Fill(targets, TrainingExample.Ignored);
        for (var row = 0; row < rows; row++)
        {
            Examples[row].Tokens.Select(id => (long)id).ToArray().CopyTo(ids, row * width);
            Examples[row].Targets().CopyTo(targets, row * width);
        }
        return (tensor(ids, [rows, width], int64, device), tensor(targets, [rows, width], int64, device));
    }
}
