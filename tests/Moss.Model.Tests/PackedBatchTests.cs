using Moss.Model.Learning;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

public class PackedBatchTests
{
    private static readonly IReadOnlyList<TrainingExample> Documents = [.. new[] { 5, 9, 5, 12, 2, 9, 5, 3 }.Select(Document)];

    public static readonly TheoryData<string> Families = ["qwen3", "gpt2", "moss"]; // three ways to know positions

    [Theory, MemberData(nameof(Families))]
    public void A_packed_batch_has_the_losses_and_gradients_of_its_documents_alone(string family)
    {
        using var model = GoldenTests.Load(family);
        var (alone, gradients) = Learn(model, most: 1);
        var (packed, samePlace) = Learn(model, most: 1_000);
        Assert.All(alone.Zip(packed), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-4));
        Assert.All(gradients.Zip(samePlace), pair => Assert.InRange(Distance(pair.First, pair.Second), 0, 1e-5));
    }

    [Fact]
    public void One_pass_over_eight_documents_gives_the_gradient_of_eight_passes_over_one()
    {
        using var model = GoldenTests.Load("qwen3");
        var (_, apart) = Learn(model, most: 1);
        foreach (var most in (int[])[14, 21, 50])
        {
            Assert.InRange(PackedBatch.Cut(Documents, most).Count, 1, 7);
            Assert.All(apart.Zip(Learn(model, most).Gradients), pair => Assert.InRange(Distance(pair.First, pair.Second), 0, 1e-5));
        }
    }

    [Fact]
    public void Every_document_is_in_one_batch_and_no_batch_is_longer_than_allowed_unless_it_holds_one()
    {
        var random = new Random(3);
        TrainingExample[] documents = [.. Enumerable.Range(0, 300).Select(_ => Document(random.Next(2, 70)))];
        var batches = PackedBatch.Cut(documents, 64);
        Assert.Equal(Enumerable.Range(0, 300), batches.SelectMany(b => b.Places).Order());
        Assert.All(batches, b => Assert.True(b.TokenCount <= 64 || b.Documents.Count == 1));
        Assert.All(batches, b => Assert.Equal(b.Places.Select(p => documents[p]), b.Documents));
        Assert.InRange(batches.Count(b => b.TokenCount < 60), 0, 20);
        Assert.Equal(batches.Select(b => b.Places), PackedBatch.Cut(documents, 64).Select(b => b.Places));
    }

    [Fact]
    public void Documents_that_belong_together_stay_together()
    {
        var batches = PackedBatch.Cut(Documents, 20, together: 2);
        Assert.All(batches, b => Assert.All(b.Places, p => Assert.Contains(p ^ 1, b.Places)));
        Assert.Throws<ArgumentException>(() => PackedBatch.Cut(Documents, 20, together: 3));
    }

    [Fact]
    public void Each_learned_row_knows_its_document_and_the_last_of_one_does_not_predict_the_next()
    {
        using var scope = NewDisposeScope();
        var batch = PackedBatch.Cut([new([1, 2, 3], [false, true, true]), new([4, 5], [true, true])], 10).Single();
        var given = batch.Tensors(CPU);
        Assert.Equal([1, 2, 3, 4, 5], given.Ids.data<long>().ToArray());
        Assert.Equal([0, 1, 3], given.Learned.data<long>().ToArray());
        Assert.Equal([2, 3, 5], given.Targets.data<long>().ToArray());
        Assert.Equal([0, 0, 1], given.Owners.data<long>().ToArray());
    }

    /// <returns>Each document's loss, and every parameter's gradient of their sum.</returns>
    private static (double[] Losses, List<Tensor> Gradients) Learn(Transformer model, int most)
    {
        using var scope = NewDisposeScope();
        foreach (var (_, parameter) in model.named_parameters()) if (parameter.grad is { } old) old.zero_();
        var losses = new double[Documents.Count];
        foreach (var batch in PackedBatch.Cut(Documents, most))
        {
            var given = batch.Tensors(CPU);
            using var pass = model.Learn(given.Ids, batch.Segments);
            var rows = pass.Rows(given.Learned);
            var (logProbs, gradients) = TokenLogProbs.WithGradient(model, rows, given.Targets, full([rows.shape[0]], -1.0 / 40));
            pass.Backward(given.Learned, gradients);
            var sums = zeros([batch.Documents.Count]).index_add_(0, given.Owners, logProbs, 1);
            for (var i = 0; i < batch.Places.Count; i++) losses[batch.Places[i]] = -sums[i].item<float>();
        }
        return (losses, [.. model.named_parameters().OrderBy(p => p.name, StringComparer.Ordinal).Select(p => p.parameter.grad!.clone().DetachFromDisposeScope())]);
    }

    private static float Distance(Tensor one, Tensor other) => // a key bias has no true gradient, only rounding
        ((one - other).norm() / one.norm().clamp_min(0.1)).item<float>();

    private static TrainingExample Document(int length) =>
        new([.. Enumerable.Range(1, length).Select(i => i * length % 190)], [.. Enumerable.Range(0, length).Select(i => i % 3 != 0)]);
}
