using System.Text.Json;
using Moss.Model.Adapters;
using Moss.Model.Learning;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

public class ObjectiveTests
{
    private const double Ln2 = 0.69314718055994531;

    public static readonly TheoryData<string> Objectives = ["sft", "dpo", "kto", "reward"];

    [Fact]
    public void Dpo_losses_log_probabilities_margins_and_gradients_equal_the_reference()
    {
        var golden = Shared.Json("golden/smollm2-like/dpo_golden.json");
        using var model = GoldenTests.Load("smollm2-like");
        IReadOnlyList<Lesson> pairs = [.. golden.GetProperty("pairs").EnumerateArray().Select(p => new Lesson([Reply(p, "chosen"), Reply(p, "rejected")]))];
        var lessons = TrainingLoop.WithReference(model, pairs);
        Close(golden.GetProperty("reference_chosen_logps").Doubles(), lessons.Select(l => l.Reference![0]), 5e-5);
        Close(golden.GetProperty("reference_rejected_logps").Doubles(), lessons.Select(l => l.Reference![1]), 5e-5);

        using var loop = new TrainingLoop(model, lessons, new Dpo(golden.GetProperty("beta").GetDouble()), new TrainingSettings
        {
            Steps = 3, PeakLearningRate = 1e-4, ConstantLearningRate = true, BatchSize = 2, WeightDecay = 0.1, ClipNorm = 1e9,
        });
        var evaluations = golden.GetProperty("evaluations").EnumerateArray().ToList();
        foreach (var (step, expected) in loop.Run().Zip(evaluations))
        {
            Assert.InRange(Math.Abs(step.Loss - expected.GetProperty("loss").GetDouble()), 0, 1e-5);
            Assert.InRange(Math.Abs(step.Margin!.Value - expected.GetProperty("mean_margin").GetDouble()), 0, 1e-4);
            TrainingGoldenTests.Near(expected.GetProperty("global_grad_norm").GetDouble(), step.GradientNorm, 1e-4);
            if (step.Number == 1) Assert.InRange(Math.Abs(step.Loss - Ln2), 0, 1e-6);
        }
        var after = loop.Evaluate(lessons);
        Assert.InRange(Math.Abs(after.Loss - evaluations[3].GetProperty("loss").GetDouble()), 0, 1e-5);
        Close(evaluations[3].GetProperty("margins").Doubles(), after.Margins, 1e-4);
    }

    [Theory]
    [InlineData("dpo", Ln2)]
    [InlineData("kto", 0.5)]
    [InlineData("reward", Ln2)]
    public void The_first_step_starts_even(string objective, double loss)
    {
        using var model = GoldenTests.Load("qwen3");
        using var loop = Loop(model, objective, Quick);
        var first = loop.Run().First();
        Assert.InRange(Math.Abs(first.Loss - loss), 0, 1e-5);
        Assert.InRange(Math.Abs(first.Margin!.Value), 0, 1e-5);
    }

    [Theory, MemberData(nameof(Objectives))]
    public void Tuning_learns_what_it_is_shown(string objective)
    {
        using var model = GoldenTests.Load("qwen3");
        using var loop = Loop(model, objective, Quick with { Steps = 40 });
        var before = loop.Evaluate(Lessons(objective, model));
        foreach (var _ in loop.Run()) { }
        var after = loop.Evaluate(Lessons(objective, model, loop));
        Assert.True(after.Loss < before.Loss, $"{before.Loss} before, {after.Loss} after");
        if (objective != "sft") Assert.Equal(1, after.Accuracy);
    }

    [Theory]
    [InlineData("qwen2")]
    [InlineData("moss")]
    public void Scoring_leaves_an_output_head_of_its_own_as_it_was(string family)
    {
        using var model = GoldenTests.Load(family);
        var before = TrainingLoopTests.Bits(model.get_parameter("lm_head.weight")!).ToList();
        using var loop = Loop(model, "reward", Quick);
        foreach (var step in loop.Run()) Assert.True(step.Applied);
        Assert.Equal(before, TrainingLoopTests.Bits(model.get_parameter("lm_head.weight")!));
    }

    [Theory, MemberData(nameof(Objectives))]
    public void Stopping_and_going_on_gives_the_same_bits_for_weights_and_for_adapters_with_dropout(string objective)
    {
        foreach (var lora in (bool[])[false, true])
        {
            var (straight, losses) = Train(objective, lora, Shared.NewFolder(), stopAfter: null);
            var (resumed, rest) = Train(objective, lora, Shared.NewFolder(), stopAfter: 4);
            Assert.Equal(losses, rest);
            Assert.Equal(straight, resumed);
        }
    }

    [Theory, MemberData(nameof(Objectives))]
    public void One_batch_of_eight_has_the_gradient_of_eight_of_one(string objective)
    {
        var norms = new[] { 4_096, 1 }.Select(tokens =>
        {
            using var model = GoldenTests.Load("qwen3");
            using var loop = Loop(model, objective, Quick with { Steps = 2, BatchSize = 8, MicroBatchTokens = tokens, ClipNorm = 1e9 });
            return loop.Run().Select(s => (s.Loss, s.GradientNorm)).ToList();
        }).ToList();
        foreach (var (whole, single) in norms[0].Zip(norms[1]))
        {
            TrainingGoldenTests.Near(whole.GradientNorm, single.GradientNorm, 1e-4);
            Assert.InRange(Math.Abs(whole.Loss - single.Loss), 0, 1e-5);
        }
    }

    [Fact]
    public void Doubt_about_a_comparison_and_label_smoothing_are_the_same_thing()
    {
        using var model = GoldenTests.Load("qwen3");
        var lessons = Lessons("dpo", model).Select(l => l with { Reference = [l.Reference![0] - 1, l.Reference[1] + 2] }).ToList();
        double Loss(Objective objective, IEnumerable<Lesson> with)
        {
            using var loop = new TrainingLoop(model, [.. with], objective, Quick);
            return loop.Evaluate([.. with]).Loss;
        }
        Assert.Equal(Loss(new Dpo(0.1, Smoothing: 0.1), lessons), Loss(new Dpo(0.1), lessons.Select(l => l with { Certainty = 0.9 })), 6);
        Assert.Equal(Loss(new Dpo(0.1), lessons), Loss(new Dpo(0.1, Smoothing: 0), lessons), 9);
        Assert.NotEqual(Loss(new Dpo(0.1), lessons), Loss(new Dpo(0.1, Smoothing: 0.1), lessons), 3);
    }

    [Fact]
    public void A_corrected_answer_is_also_learned_word_by_word_when_asked_for()
    {
        using var model = GoldenTests.Load("qwen3");
        var lessons = Lessons("dpo", model).Select((l, i) => l with { Spoken = i == 0 }).ToList();
        using var loop = new TrainingLoop(model, lessons, new Dpo(0.1, SpokenWeight: 0.5), Quick);
        var spoken = -lessons[0].Reference![0] / lessons[0].Documents[0].LearnedCount * 0.5 / lessons.Count;
        Assert.InRange(Math.Abs(loop.Evaluate(lessons).Loss - (Ln2 + spoken)), 0, 1e-5);
    }

    [Fact]
    public void A_lesson_counts_by_its_weight()
    {
        using var model = GoldenTests.Load("qwen3");
        var lessons = Lessons("dpo", model).Select((l, i) => l with { Reference = [l.Reference![0] - i, l.Reference[1]], Weight = i == 0 ? 3 : 1 }).ToList();
        using var weighted = new TrainingLoop(model, lessons, new Dpo(), Quick);
        var flat = lessons.Select(l => l with { Weight = 1 }).ToList();
        List<Lesson> repeated = [flat[0], flat[0], .. flat];
        Assert.Equal(weighted.Evaluate(repeated).Loss, weighted.Evaluate(lessons).Loss, 6);
    }

    [Fact]
    public void An_adapter_leaves_the_base_untouched_bit_for_bit()
    {
        using var model = GoldenTests.Load("qwen3");
        var before = TrainingLoopTests.Bits(model);
        using var adapter = LoraAdapter.Create(model, new() { Rank = 4 }, seed: 1);
        using (var loop = new TrainingLoop(model, Lessons("sft", model), new CrossEntropy(), Quick with { Steps = 20 }, adapter))
        {
            var losses = loop.Run().Select(s => s.Loss).ToList();
            Assert.True(losses[^1] < losses[0]);
        }
        Assert.Equal(before, TrainingLoopTests.Bits(model));
    }

    [Fact]
    public void Steps_that_compare_replies_leave_no_tensor_behind()
    {
        foreach (var objective in (string[])["dpo", "kto", "reward"])
        {
            using var model = GoldenTests.Load("qwen3");
            using var adapter = LoraAdapter.Create(model, new() { Rank = 4, Dropout = 0.1 }, seed: 1);
            using var loop = Loop(model, objective, Quick, adapter);
            using var steps = loop.Run().GetEnumerator();
            Assert.True(steps.MoveNext());
            var before = GoldenTests.Live();
            while (steps.MoveNext()) Assert.Equal(before, GoldenTests.Live());
        }
    }

    [Fact]
    public void A_step_far_outside_the_others_is_left_out_and_counted()
    {
        var guard = new OutlierGuard();
        for (var i = 0; i < 128; i++) Assert.False(guard.IsOutlier(2 + i % 7 * 0.01, 1 + i % 5 * 0.01));
        Assert.True(guard.IsOutlier(5, 1));
        Assert.True(guard.IsOutlier(2, 90));
        Assert.False(guard.IsOutlier(2.03, 1.02));
        Assert.False(new OutlierGuard().IsOutlier(1e6, 1e6)); // no verdict before the window is full
    }

    private static readonly TrainingSettings Quick = new() { Steps = 6, PeakLearningRate = 5e-3, BatchSize = 3, MicroBatchTokens = 40, WeightDecay = 0.01, Seed = 5 };

    private static (List<int> Bits, List<double> Losses) Train(string objective, bool lora, string place, int? stopAfter)
    {
        List<double> losses = [];
        if (stopAfter is { } steps)
            Once(loop =>
            {
                losses.AddRange(loop.Run().Take(steps).Select(s => s.Loss));
                loop.SaveState(Path.Combine(place, "state"));
            });
        return (Once(loop =>
        {
            if (stopAfter is not null) Assert.True(loop.Resume(Path.Combine(place, "state")));
            losses.AddRange(loop.Run().Select(s => s.Loss));
        }), losses);

        List<int> Once(Action<TrainingLoop> act)
        {
            using var model = GoldenTests.Load("qwen3");
            using var adapter = lora ? LoraAdapter.Create(model, new() { Rank = 4, Dropout = 0.2 }, seed: 1) : null;
            using var loop = Loop(model, objective, Quick, adapter);
            act(loop);
            return [.. TrainingLoopTests.Bits(model), .. adapter?.Parameters.SelectMany(p => TrainingLoopTests.Bits(p.Value)) ?? [],
                .. loop.Head is { } head ? TrainingLoopTests.Bits(head.Weight) : []];
        }
    }

    private static TrainingLoop Loop(Transformer model, string objective, TrainingSettings settings, LoraAdapter? adapter = null) =>
        new(model, Lessons(objective, model), Of(objective), settings, adapter);

    private static Objective Of(string objective) => objective switch { "sft" => new CrossEntropy(), "dpo" => new Dpo(), "kto" => new Kto(), _ => new Reward() };

    /// <summary>Seven small lessons; with a loop, those that it was made with (their reference is the network before tuning).</summary>
    private static IReadOnlyList<Lesson> Lessons(string objective, Transformer model, TrainingLoop? trained = null)
    {
        List<Lesson> bare = [.. Enumerable.Range(1, 7).Select(i => objective switch
        {
            "sft" => new Lesson(Said(i, 100 + i, 5)),
            "kto" => new Lesson(Said(i, 100 + i, 5)) { Desirable = i % 2 == 0, Mismatched = Said(i, 107 - i, 9) },
            _ => new Lesson([Said(i, 100 + i, 5, 7), Said(i, 120 + i, 8)]),
        })];
        if (trained is null) return TrainingLoop.WithReference(model, bare);
        using var before = GoldenTests.Load("qwen3");
        return TrainingLoop.WithReference(before, bare);
    }

    private static TrainingExample Said(int question, params int[] reply) =>
        new([question, 2 * question, .. reply, 99], [false, false, .. reply.Select(_ => true), true]);

    private static TrainingExample Reply(JsonElement pair, string which)
    {
        var (prompt, reply) = (pair.GetProperty("prompt").Ints(), pair.GetProperty(which).Ints());
        return new([.. prompt, .. reply], [.. prompt.Select(_ => false), .. reply.Select(_ => true)]);
    }

    private static void Close(IEnumerable<double> expected, IEnumerable<double> found, double within) =>
        Assert.All(expected.Zip(found), p => Assert.InRange(Math.Abs(p.First - p.Second), 0, within));
}
