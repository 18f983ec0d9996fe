using Moss.Model.Learning;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

public class LearningPassTests
{
    private static readonly IReadOnlyList<TrainingExample> Documents = [.. new[] { 9, 9, 5, 2 }.Select(length =>
        new TrainingExample([.. Enumerable.Range(1, length).Select(i => i * length % 190)], [.. Enumerable.Range(0, length).Select(i => i % 3 != 0)]))];

    public static readonly TheoryData<string> Families = ["llama3-tied", "qwen2", "qwen3", "smollm2-like", "gpt2", "moss"];

    [Theory, MemberData(nameof(Families))]
    public void Our_way_back_gives_autograd_s_gradients(string family)
    {
        using var model = GoldenTests.Load(family);
        var expected = Gradients(model, ByAutograd);
        var found = Gradients(model, (m, b, t) => ByHand(m, b, t, checkpointing: false));
        Assert.All(expected.Zip(found), pair => Assert.InRange(Distance(pair.First, pair.Second), 0, 1e-5));
    }

    [Theory, MemberData(nameof(Families))]
    public void Checkpointing_changes_no_bit_of_the_gradients(string family)
    {
        using var model = GoldenTests.Load(family);
        foreach (var compute in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16])
        {
            model.ComputeType = compute;
            var expected = Gradients(model, (m, b, t) => ByHand(m, b, t, checkpointing: false));
            var found = Gradients(model, (m, b, t) => ByHand(m, b, t, checkpointing: true));
            Assert.All(expected.Zip(found), pair => Assert.True(pair.First.equal(pair.Second).all().item<bool>()));
        }
    }

    [Theory, MemberData(nameof(Families))]
    public void Half_precision_products_give_gradients_near_those_of_full_ones(string family)
    {
        using var model = GoldenTests.Load(family);
        var full = Gradients(model, (m, b, t) => ByHand(m, b, t, checkpointing: false));
        model.ComputeType = ScalarType.BFloat16;
        var half = Gradients(model, (m, b, t) => ByHand(m, b, t, checkpointing: false));
        var autograd = Gradients(model, ByAutograd);
        Assert.InRange(Apart(full, half), 1e-4, 0.05);
        Assert.InRange(Apart(full, half), 0, 1.5 * Apart(full, autograd)); // no worse than what autograd makes of the same products
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_frozen_base_gets_no_gradient_and_the_trained_rest_gets_autograd_s(bool checkpointing)
    {
        using var model = GoldenTests.Load("gpt2");
        foreach (var (name, parameter) in model.named_parameters())
            parameter.requires_grad_(name.Contains("layers.0.mlp", StringComparison.Ordinal) || name.Contains("layers.1.self_attn.k", StringComparison.Ordinal));
        var expected = Gradients(model, ByAutograd);
        var found = Gradients(model, (m, b, t) => ByHand(m, b, t, checkpointing));
        Assert.True(expected.Count is > 2 and < 10);
        Assert.All(expected.Zip(found), pair => Assert.InRange(Distance(pair.First, pair.Second), 0, 1e-5));
        Assert.All(model.named_parameters().Where(p => !p.parameter.requires_grad), p => Assert.Null(p.parameter.grad));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_pass_leaves_no_tensor_behind_even_if_nobody_goes_back(bool checkpointing)
    {
        using var model = GoldenTests.Load("qwen3");
        using var scope = NewDisposeScope();
        var batch = PackedBatch.Cut(Documents, 100).Single();
        var given = batch.Tensors(CPU);
        ByHand(model, batch, given, checkpointing); // makes the gradients and what is kept for the next pass
        var before = GoldenTests.Live();
        using (var pass = model.Learn(given.Ids, batch.Segments)) Assert.True(GoldenTests.Live() > before);
        Assert.Equal(before, GoldenTests.Live());
        ByHand(model, batch, given, checkpointing);
        Assert.Equal(before, GoldenTests.Live());
    }

    private static void ByAutograd(Transformer model, PackedBatch batch, PackedTensors given)
    {
        using var scope = NewDisposeScope();
        var logits = model.Head(model.Hidden(given.Ids, batch.Segments).index_select(0, given.Learned));
        nn.functional.cross_entropy(logits, given.Targets).backward();
    }

    private static void ByHand(Transformer model, PackedBatch batch, PackedTensors given, bool checkpointing)
    {
        using var scope = NewDisposeScope();
        model.Checkpointing = checkpointing;
        using var pass = model.Learn(given.Ids, batch.Segments);
        var count = given.Targets.shape[0];
        var (_, gradients) = TokenLogProbs.WithGradient(model, pass.Rows(given.Learned), given.Targets, full([count], -1.0 / count));
        pass.Backward(given.Learned, gradients);
    }

    private static List<Tensor> Gradients(Transformer model, Action<Transformer, PackedBatch, PackedTensors> learn)
    {
        using var scope = NewDisposeScope();
        var trained = model.named_parameters().Where(p => p.parameter.requires_grad).OrderBy(p => p.name, StringComparer.Ordinal).ToList();
        foreach (var (_, parameter) in trained) if (parameter.grad is { } old) old.zero_();
        var batch = PackedBatch.Cut(Documents, 100).Single();
        learn(model, batch, batch.Tensors(CPU));
        return [.. trained.Select(p => p.parameter.grad!.clone().DetachFromDisposeScope())];
    }

    private static float Distance(Tensor one, Tensor other) => ((one - other).norm() / one.norm().clamp_min(0.1)).item<float>(); // a key bias has no true gradient, only rounding

    private static double Apart(List<Tensor> one, List<Tensor> other) =>
        Math.Sqrt(one.Zip(other).Sum(p => Math.Pow((p.First - p.Second).norm().item<float>(), 2)) / one.Sum(o => Math.Pow(o.norm().item<float>(), 2)));
}
