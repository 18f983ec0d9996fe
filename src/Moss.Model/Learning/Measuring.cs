using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>One number per document: its log-probability, or its score.</summary>
internal static class Measuring
{
    /// <summary>Sums of log p over each document's learned tokens, without gradient.</summary>
    /// <returns>Nats, in the order of the documents.</returns>
    public static double[] LogProbs(Transformer model, IReadOnlyList<TrainingExample> documents, int microBatchTokens) =>
        Each(documents, microBatchTokens, batch =>
        {
            var read = batch.Tensors(model.Device);
            var rows = model.Hidden(read.Ids, batch.Segments).index_select(0, read.Learned);
            return Sums(TokenLogProbs.Of(model, rows, read.Targets), read.Owners, batch.Documents.Count);
        });

    /// <summary>Scores without gradient, in the order of the documents.</summary>
    public static double[] Scores(Transformer model, RewardHead head, IReadOnlyList<TrainingExample> documents, int microBatchTokens) =>
        Each(documents, microBatchTokens, batch => head.Of(Ends(model, batch)));

    /// <returns>(documents, D) activations at their last tokens, in the batch's order.</returns>
    public static Tensor Ends(Transformer model, PackedBatch batch)
    {
        using var scope = NewDisposeScope();
        var read = batch.Tensors(model.Device);
        return model.Hidden(read.Ids, batch.Segments).index_select(0, LastPlaces(batch, model.Device)).MoveToOuterDisposeScope();
    }

    /// <returns>(documents) int64: where the last token of each stands in the batch.</returns>
    public static Tensor LastPlaces(PackedBatch batch, Device device)
    {
        var (ends, at) = (new long[batch.Documents.Count], -1L);
        for (var i = 0; i < ends.Length; i++) ends[i] = at += batch.Documents[i].Tokens.Length;
        return tensor(ends, int64, device);
    }

    /// <returns>(documents) sums of the values that belong to each.</returns>
    public static Tensor Sums(Tensor values, Tensor owners, int documents) => zeros([documents], float32, values.device).index_add(0, owners, values, alpha: 1);

    private static double[] Each(IReadOnlyList<TrainingExample> documents, int microBatchTokens, Func<PackedBatch, Tensor> measure)
    {
        var found = new double[documents.Count];
        using var mode = no_grad();
        foreach (var batch in PackedBatch.Cut(documents, microBatchTokens))
        {
            using var scope = NewDisposeScope();
            var values = measure(batch).cpu().data<float>().ToArray();
            foreach (var (place, value) in batch.Places.Zip(values)) found[place] = value;
        }
        return found;
    }
}
