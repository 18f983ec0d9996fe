using Moss.Model.Learning;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

public class TokenLogProbsTests
{
    private static readonly long[] Targets = [3, 7, 7, 0, 191, 42, 9];
    private static readonly float[] Weights = [-0.5f, 0.25f, -1, 0, -0.125f, 2, -0.75f];

    public static readonly TheoryData<string> Families = ["qwen3", "qwen2"]; // a tied head, and one of its own

    [Theory, MemberData(nameof(Families))]
    public void Values_and_gradients_equal_plain_cross_entropy(string family)
    {
        using var scope = NewDisposeScope();
        using var model = GoldenTests.Load(family);
        var (rows, targets, weights) = Given(model);
        var seen = rows.detach().requires_grad_();
        var plain = model.Head(seen).log_softmax(1).gather(1, targets.unsqueeze(1)).squeeze(1);
        (plain * weights).sum().backward();
        var head = model.HeadWeight;
        var expected = head.grad!.clone();
        head.grad!.zero_();

        var (found, gradients) = TokenLogProbs.WithGradient(model, rows, targets, weights);

        Assert.InRange(Furthest(plain, found), 0, 1e-6);
        Assert.InRange(Furthest(plain, TokenLogProbs.Of(model, rows, targets)), 0, 1e-6);
        Assert.InRange(Furthest(seen.grad!, gradients), 0, 1e-6);
        Assert.InRange(Furthest(expected, head.grad!), 0, 1e-6);
    }

    [Theory, MemberData(nameof(Families))]
    public void Chunks_change_nothing(string family)
    {
        using var scope = NewDisposeScope();
        using var model = GoldenTests.Load(family);
        var (rows, targets, weights) = Given(model);
        var results = new[] { 1, 3, 100 }.Select(chunk =>
        {
            if (model.HeadWeight.grad is { } old) old.zero_();
            var (found, gradients) = TokenLogProbs.WithGradient(model, rows, targets, weights, chunk);
            Assert.InRange(Furthest(found, TokenLogProbs.Of(model, rows, targets, chunk)), 0, 1e-7);
            return (found, gradients, head: model.HeadWeight.grad!.clone());
        }).ToList();
        Assert.All(results, r =>
        {
            Assert.InRange(Furthest(results[^1].found, r.found), 0, 1e-6);
            Assert.InRange(Furthest(results[^1].gradients, r.gradients), 0, 1e-6);
            Assert.InRange(Furthest(results[^1].head, r.head), 0, 1e-6);
        });
    }

    [Fact]
    public void A_frozen_head_gets_no_gradient_but_passes_it_on()
    {
        using var scope = NewDisposeScope();
        using var model = GoldenTests.Load("qwen3");
        var (rows, targets, weights) = Given(model);
        var (_, expected) = TokenLogProbs.WithGradient(model, rows, targets, weights);
        model.HeadWeight.grad!.zero_();
        model.HeadWeight.requires_grad_(false);

        var (_, gradients) = TokenLogProbs.WithGradient(model, rows, targets, weights);

        Assert.Equal(0, Furthest(expected, gradients));
        Assert.Equal(0, model.HeadWeight.grad!.abs().max().item<float>());
    }

    [Fact]
    public void Rows_targets_and_weights_that_do_not_fit_each_other_are_refused()
    {
        using var scope = NewDisposeScope();
        using var model = GoldenTests.Load("qwen3");
        var (rows, targets, weights) = Given(model);
        Assert.Throws<ArgumentException>(() => TokenLogProbs.Of(model, rows, targets.narrow(0, 0, 2)));
        Assert.Throws<ArgumentException>(() => TokenLogProbs.WithGradient(model, rows, targets, weights.narrow(0, 0, 2)));
    }

    private static (Tensor Rows, Tensor Targets, Tensor Weights) Given(Transformer model)
    {
        using var random = new Generator(4);
        return (randn([Targets.Length, model.Config.HiddenSize], generator: random), tensor(Targets), tensor(Weights));
    }

    private static float Furthest(Tensor one, Tensor other) => (one - other).abs().max().item<float>();
}
