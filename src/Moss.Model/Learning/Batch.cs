using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>Examples of similar length, padded on the right to one rectangle.</summary>
internal sealed record Batch(IReadOnlyList<TrainingExample> Examples)
{
    private int Width => Examples.Max(e => e.Tokens.Length);

    private const int WorthwhileTokens = 256; // below it a wider batch is cheaper than another pass
    private const double WidestRatio = 1.4;   // longest to shortest; bounds what is computed for padding

    /// <summary>Cuts examples, sorted by length, into batches of at most this many padded tokens (or one example) and little padding.</summary>
    public static IEnumerable<Batch> Cut(IEnumerable<TrainingExample> examples, int paddedTokens)
    {
        var batch = new List<TrainingExample>();
        foreach (var example in examples.OrderBy(e => e.Tokens.Length)) // ascending: the newest is the widest
        {
            var length = example.Tokens.Length;
            var uneven = batch.Count > 0 && length > WidestRatio * batch[0].Tokens.Length && batch.Sum(e => e.Tokens.Length) >= WorthwhileTokens;
            if (batch.Count > 0 && (uneven || (batch.Count + 1L) * length > paddedTokens))
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
