using Moss.Model.Learning;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

public class TrainingGoldenTests
{
    public static readonly TheoryData<string> Families = ["qwen3", "smollm2-like"];

    [Theory, MemberData(nameof(Families))]
    public void Loss_gradients_and_five_AdamW_steps_equal_the_reference(string family)
    {
        var golden = Shared.Json($"golden/{family}/train_golden.json");
        using var model = GoldenTests.Load(family);
        using var optimizer = new FusedAdamW(model, weightDecay: 0.1);
        using var scope = NewDisposeScope();
        var (ids, targets) = Batch(golden);
        var learned = golden.GetProperty("unmasked_target_tokens").GetInt64();
        var losses = golden.GetProperty("losses").Doubles();
        var norms = golden.GetProperty("global_grad_norms").Doubles();
        for (var step = 0; step < 5; step++)
        {
            optimizer.ZeroGradients();
            var loss = Losses.TokenCrossEntropyBackward(model, ids, targets, learned).item<float>();
            Assert.InRange(Math.Abs(loss - losses[step]), 0, 5e-5);
            if (step == 0)
                foreach (var expected in golden.GetProperty("grad_l2_norm").EnumerateObject())
                    Near(expected.Value.GetDouble(), model.get_parameter(expected.Name)!.grad!.norm().item<float>(), 1e-4);
            Near(norms[step], optimizer.ClipGradients(1e9).item<float>(), 1e-4);
            optimizer.Step(1e-3);
        }
        Assert.InRange(Math.Abs(Losses.TokenCrossEntropy(model, ids, targets) / learned - golden.GetProperty("loss_after_5_steps").GetDouble()), 0, 5e-5);
        foreach (var expected in golden.GetProperty("param_l2_norm_after_5_steps").EnumerateObject())
            Near(expected.Value.GetDouble(), model.get_parameter(expected.Name)!.norm().item<float>(), 1e-4);
    }

    [Theory, MemberData(nameof(Families))]
    public void Half_precision_products_over_full_weights_learn_as_full_ones_do(string family)
    {
        var golden = Shared.Json($"golden/{family}/train_golden.json");
        using var model = GoldenTests.Load(family);
        model.ComputeType = ScalarType.BFloat16;
        using var optimizer = new FusedAdamW(model, weightDecay: 0.1);
        using var scope = NewDisposeScope();
        var (ids, targets) = Batch(golden);
        foreach (var expected in golden.GetProperty("losses").Doubles())
        {
            optimizer.ZeroGradients();
            Near(expected, Losses.TokenCrossEntropyBackward(model, ids, targets, golden.GetProperty("unmasked_target_tokens").GetInt64()).item<float>(), 0.01);
            optimizer.ClipGradients(1e9);
            optimizer.Step(1e-3);
        }
    }

    [Fact]
    public void Two_halves_of_a_batch_give_the_gradient_of_the_whole()
    {
        var golden = Shared.Json("golden/qwen3/train_golden.json");
        using var model = GoldenTests.Load("qwen3");
        using var optimizer = new FusedAdamW(model, weightDecay: 0.1);
        using var scope = NewDisposeScope();
        var (ids, targets) = Batch(golden);
        var learned = golden.GetProperty("unmasked_target_tokens").GetInt64();
        var sum = 0f;
        for (var row = 0; row < 2; row++)
            sum += Losses.TokenCrossEntropyBackward(model, ids.narrow(0, row, 1), targets.narrow(0, row, 1), learned).item<float>();
        Assert.InRange(Math.Abs(sum - golden.GetProperty("loss").GetDouble()), 0, 5e-5);
        Near(golden.GetProperty("global_grad_norm").GetDouble(), optimizer.ClipGradients(1e9).item<float>(), 1e-4);
    }

    [Fact]
    public void Clipping_shortens_the_gradient_to_the_limit_and_leaves_short_ones_alone()
    {
        var golden = Shared.Json("golden/qwen3/train_golden.json");
        using var scope = NewDisposeScope();
        var (ids, targets) = Batch(golden);
        var (unclipped, clipped, untouched) = (Moved(factor: 1, most: 1e9), Moved(factor: 1, most: 1), Moved(factor: 1 / 7.748079f, most: 2));
        Assert.All(clipped.Zip(untouched), p => Assert.InRange((p.First - p.Second).abs().max().item<float>(), 0, 1e-6));
        Assert.Contains(clipped.Zip(unclipped), p => (p.First - p.Second).abs().max().item<float>() > 1e-5);

        // The moments show the gradient that the step saw.
        List<Tensor> Moved(float factor, double most)
        {
            using var model = GoldenTests.Load("qwen3");
            using var optimizer = new FusedAdamW(model, weightDecay: 0.1);
            _ = Losses.TokenCrossEntropyBackward(model, ids, targets, 21);
            foreach (var parameter in model.parameters()) parameter.grad!.mul_(factor);
            Near(7.748079 * factor, optimizer.ClipGradients(most).item<float>(), 1e-4);
            optimizer.Step(1e-3);
            return [.. optimizer.State.Where(s => s.Name.EndsWith("exp_avg", StringComparison.Ordinal)).Select(s => s.Value.clone())];
        }
    }

    /// <summary>labels[t] of the file is the target of position t - 1.</summary>
    internal static (Tensor Ids, Tensor Targets) Batch(System.Text.Json.JsonElement golden)
    {
        var ids = golden.GetProperty("input_ids").EnumerateArray().SelectMany(r => r.Ints()).Select(i => (long)i).ToArray();
        var targets = golden.GetProperty("labels").EnumerateArray().SelectMany(r => r.Ints().Skip(1).Append(-100)).Select(i => (long)i).ToArray();
        return (tensor(ids, [2, ids.Length / 2], int64), tensor(targets, [2, targets.Length / 2], int64));
    }

    internal static void Near(double expected, double actual, double relative) =>
        Assert.InRange(Math.Abs(actual - expected) / expected, 0, relative);
}
