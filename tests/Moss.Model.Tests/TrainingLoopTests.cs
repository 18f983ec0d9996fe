using Moss.Model.Learning;
using TorchSharp;

namespace Moss.Model.Tests;

public class TrainingLoopTests
{
    private static readonly TrainingSettings Quick = new() { Steps = 6, PeakLearningRate = 1e-2, BatchSize = 3, MicroBatchTokens = 40, Seed = 5 };

    private static readonly IReadOnlyList<TrainingExample> Examples =
        [.. Enumerable.Range(1, 7).Select(i => new TrainingExample([i, 2 * i, 3 * i, 100, 5, i], [false, false, true, true, i > 3, true]))];

    [Fact]
    public void Targets_are_the_next_token_where_it_is_learned()
    {
        // The human says 11, 12; MOSS answers 21, 22 and closes with 99.
        var example = new TrainingExample([11, 12, 21, 22, 99], [false, false, true, true, true]);
        Assert.Equal([-100, 21, 22, 99, -100], example.Targets());
        Assert.Equal(3, example.LearnedCount);
    }

    [Fact]
    public void An_example_that_teaches_nothing_is_refused()
    {
        Assert.Contains("teaches nothing", Assert.Throws<ArgumentException>(() => new TrainingExample([1, 2, 3], [true, false, false])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new TrainingExample([1], [true]));
        Assert.Throws<ArgumentException>(() => new TrainingExample([1, 2], [true]));
    }

    [Fact]
    public void Stopping_and_going_on_gives_the_same_bits_as_never_stopping()
    {
        using var straight = GoldenTests.Load("qwen3");
        using var whole = new TrainingLoop(straight, Examples, Quick);
        var losses = whole.Run().Select(s => s.Loss).ToList();

        var state = Path.Combine(Shared.NewFolder(), "state");
        using (var first = GoldenTests.Load("qwen3"))
        using (var half = new TrainingLoop(first, Examples, Quick))
        {
            Assert.Equal(losses.Take(4), half.Run().Take(4).Select(s => s.Loss));
            half.SaveState(state);
        }
        using var second = GoldenTests.Load("qwen3");
        using var rest = new TrainingLoop(second, Examples, Quick);
        Assert.True(rest.Resume(state));
        Assert.Equal(losses.Skip(4), rest.Run().Select(s => s.Loss));
        Assert.Equal(Bits(straight), Bits(second));
        Assert.NotEqual(losses[0], losses[^1]);
    }

    [Fact]
    public void A_run_goes_on_with_fewer_tokens_per_forward_pass_and_never_with_more()
    {
        var state = Path.Combine(Shared.NewFolder(), "state");
        using var model = GoldenTests.Load("qwen3");
        using var training = new TrainingLoop(model, Examples, Quick with { MicroBatchTokens = 200 });
        _ = training.Run().First();
        training.SaveState(state);
        foreach (var (asked, taken) in ((int, int)[])[(100, 100), (4_000, 200)])
        {
            using var again = new TrainingLoop(model, Examples, Quick with { MicroBatchTokens = asked });
            again.Resume(state);
            Assert.Equal((1, taken), (again.StepsDone, again.MicroBatchTokens));
            _ = again.Run().First();
        }
    }

    [Fact]
    public void A_state_of_other_settings_or_examples_or_a_damaged_one_is_refused()
    {
        var state = Path.Combine(Shared.NewFolder(), "state");
        using var model = GoldenTests.Load("qwen3");
        using var training = new TrainingLoop(model, Examples, Quick);
        training.SaveState(state);
        using var otherSettings = new TrainingLoop(model, Examples, Quick with { Seed = 6 });
        Assert.Contains("other settings", Assert.Throws<InvalidDataException>(() => otherSettings.Resume(state)).Message, StringComparison.Ordinal);
        using var otherExamples = new TrainingLoop(model, [.. Examples.Skip(1)], Quick);
        Assert.Contains("other examples", Assert.Throws<InvalidDataException>(() => otherExamples.Resume(state)).Message, StringComparison.Ordinal);
        var moments = Path.Combine(state, "moments.safetensors");
        var bytes = File.ReadAllBytes(moments);
        bytes[^1] ^= 1;
        File.WriteAllBytes(moments, bytes);
        Assert.Contains("moments.safetensors", Assert.Throws<InvalidDataException>(() => training.Resume(state)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Steps_leave_no_tensor_behind()
    {
        using var model = GoldenTests.Load("qwen3");
        using var training = new TrainingLoop(model, Examples, Quick);
        using var steps = training.Run().GetEnumerator();
        Assert.True(steps.MoveNext());
        var before = GoldenTests.Live();
        while (steps.MoveNext()) Assert.Equal(before, GoldenTests.Live());
        _ = training.Evaluate(Examples);
        Assert.Equal(before, GoldenTests.Live());
    }

    [Fact]
    public void The_size_of_a_forward_pass_changes_nothing_but_rounding()
    {
        var losses = new[] { 6, 4_096 }.Select(tokens =>
        {
            using var model = GoldenTests.Load("qwen3");
            using var training = new TrainingLoop(model, Examples, Quick with { MicroBatchTokens = tokens });
            return training.Run().Select(s => s.Loss).ToList();
        }).ToList();
        Assert.All(losses[0].Zip(losses[1]), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-4));
    }

    [Fact]
    public void Every_example_comes_once_per_epoch_in_an_order_of_its_own()
    {
        foreach (var count in (int[])[1, 2, 7, 190, 1_000])
        {
            var order = new ExampleOrder(count, seed: 3);
            var epochs = Enumerable.Range(0, 3).Select(e => Enumerable.Range(0, count).Select(i => order.At((long)e * count + i)).ToList()).ToList();
            Assert.All(epochs, epoch => Assert.Equal(Enumerable.Range(0, count), epoch.Order()));
            if (count > 10) Assert.Equal(3, epochs.Select(e => string.Join(',', e)).Distinct().Count());
        }
    }

    [Fact]
    public void The_learning_rate_warms_up_peaks_and_falls_to_a_tenth()
    {
        var settings = new TrainingSettings { PeakLearningRate = 1, WarmupFraction = 0.1 };
        Assert.Equal(0.1, settings.LearningRate(0, 100), 9);
        Assert.Equal(1, settings.LearningRate(9, 100), 9);
        Assert.Equal(1, settings.LearningRate(10, 100), 9);
        Assert.InRange(settings.LearningRate(99, 100), 0.1, 0.101);
    }

    [Fact]
    public void Examples_that_do_not_fit_the_network_are_refused_before_the_first_step()
    {
        using var model = GoldenTests.Load("qwen3");
        Assert.Throws<ArgumentException>(() => new TrainingLoop(model, [], Quick));
        Assert.Contains("another tokenizer", Assert.Throws<ArgumentException>(() =>
            new TrainingLoop(model, [new([1, 192], [false, true])], Quick)).Message, StringComparison.Ordinal);
        Assert.Contains("at most 128", Assert.Throws<ArgumentException>(() =>
            new TrainingLoop(model, [new(new int[129], [.. Enumerable.Repeat(true, 129)])], Quick)).Message, StringComparison.Ordinal);
        Assert.Contains("BatchSize", Assert.Throws<ArgumentException>(() =>
            new TrainingLoop(model, Examples, Quick with { BatchSize = 0 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_loss_that_is_no_number_changes_no_weight_and_soon_stops_the_run()
    {
        using var model = GoldenTests.Load("qwen3");
        using (torch.no_grad()) model.get_parameter("model.norm.weight")!.fill_(float.NaN);
        var before = Bits(model);
        using var training = new TrainingLoop(model, Examples, Quick);
        var steps = 0;
        Assert.Contains("diverged", Assert.Throws<InvalidOperationException>(() => { foreach (var _ in training.Run()) steps++; }).Message, StringComparison.Ordinal);
        Assert.Equal(4, steps);
        Assert.Equal(before, Bits(model));
    }

    internal static List<int> Bits(Transformer model) =>
        [.. model.named_parameters().OrderBy(p => p.name, StringComparer.Ordinal).SelectMany(p => Bits(p.parameter))];

    internal static IEnumerable<int> Bits(torch.Tensor values) => values.detach().flatten().data<float>().ToArray().Select(BitConverter.SingleToInt32Bits);
}
