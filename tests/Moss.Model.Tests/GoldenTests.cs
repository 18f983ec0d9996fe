using System.Text.Json;
using Moss.Model.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

public class GoldenTests
{
    public static readonly TheoryData<string> Families = ["llama3-tied", "qwen2", "qwen3", "smollm2-like", "gpt2", "moss"];

    [Theory, MemberData(nameof(Families))]
    public void Logits_equal_the_reference(string family)
    {
        using var model = Load(family);
        foreach (var reference in Cases(family))
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            var ids = reference.GetProperty("input_ids").Ints();
            var logits = model.forward(Row(ids))[0];
            Assert.InRange(Furthest(logits[-1], reference.GetProperty("logits_last")), 0, 5e-5);
            Assert.Equal(reference.GetProperty("argmax_per_position").Ints().Select(i => (long)i), logits.argmax(-1).data<long>().ToArray());
            var sums = logits.sum(-1).data<float>().ToArray();
            Assert.All(sums.Zip(reference.GetProperty("logits_sum_per_position").Doubles()), p => Assert.InRange(Math.Abs(p.First - p.Second), 0, 1e-3));
            if (reference.GetProperty("mean_cross_entropy_next_token").ValueKind != JsonValueKind.Number) continue;
            var loss = nn.functional.cross_entropy(logits.narrow(0, 0, ids.Length - 1), Row(ids)[0].narrow(0, 1, ids.Length - 1));
            Assert.InRange(Math.Abs(loss.item<float>() - reference.GetProperty("mean_cross_entropy_next_token").GetDouble()), 0, 1e-5);
        }
    }

    [Theory, MemberData(nameof(Families))]
    public void Token_by_token_through_the_cache_gives_the_same_logits(string family)
    {
        using var model = Load(family);
        foreach (var reference in Cases(family))
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            using var cache = new KvCache(model.Config);
            var ids = reference.GetProperty("input_ids").Ints();
            Tensor? logits = null;
            foreach (var id in ids) logits = model.NextLogits(Row([id]), cache);
            Assert.Equal(ids.Length, cache.Length);
            Assert.InRange(Furthest(logits!, reference.GetProperty("logits_last")), 0, 1e-4);
        }
    }

    [Theory, MemberData(nameof(Families))]
    public void A_prompt_in_several_parts_gives_the_same_logits(string family)
    {
        using var model = Load(family);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var cache = new KvCache(model.Config);
        var reference = Cases(family).Last();
        var ids = reference.GetProperty("input_ids").Ints();
        Tensor? logits = null;
        foreach (var part in ids.Chunk(11)) logits = model.NextLogits(Row(part), cache);
        Assert.InRange(Furthest(logits!, reference.GetProperty("logits_last")), 0, 1e-4);
    }

    [Theory, MemberData(nameof(Families))]
    public void Padding_on_the_right_changes_nothing_before_it(string family)
    {
        using var model = Load(family);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var cases = Cases(family).Select(c => c.GetProperty("input_ids").Ints()).ToList();
        var width = cases.Max(c => c.Length);
        var batch = tensor(cases.SelectMany(c => c.Concat(new int[width - c.Length])).Select(i => (long)i).ToArray(), [cases.Count, width], int64);
        var logits = model.forward(batch);
        foreach (var (reference, row) in Cases(family).Select((c, i) => (c, i)))
            Assert.InRange(Furthest(logits[row, cases[row].Length - 1], reference.GetProperty("logits_last")), 0, 1e-4);
    }

    [Theory, MemberData(nameof(Families))]
    public void Greedy_continuation_is_the_reference_s(string family)
    {
        using var model = Load(family);
        var greedy = Shared.Json($"golden/{family}/golden.json").GetProperty("greedy");
        using var generation = new Generation.Generation(model, greedy.GetProperty("prompt").Ints(),
            Generation.SamplingOptions.Greedy with { MaxNewTokens = 16 }, new HashSet<int>(), model.Config.VocabSize, tokenizer: null);
        while (generation.Step(out _)) { }
        Assert.Equal(greedy.GetProperty("ids").Ints(), generation.Ids);
        Assert.Equal("length", generation.StopReason);
    }

    [Theory, MemberData(nameof(Families))]
    public void Forward_leaves_exactly_one_live_tensor_behind(string family)
    {
        using var model = Load(family);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var ids = Row([1, 2, 3, 4]);
        using (model.forward(ids)) { } // the rotary tables are made once
        var before = Live();
        var kept = model.forward(ids);
        Assert.Equal(before + 1, Live());
        Assert.Equal(3, kept.dim());
    }

    [Fact]
    public void Parameters_are_named_as_in_published_files()
    {
        using var model = Load("qwen3");
        var published = Safetensors.Names(Path.Combine(Shared.Find("golden/qwen3"), "model.safetensors"));
        Assert.Equal(published.Order(StringComparer.Ordinal), model.named_parameters().Select(p => p.name).Order(StringComparer.Ordinal));
        Assert.Equal(model.Config.ParameterCount, model.parameters().Sum(p => p.NumberOfElements));
        Assert.Empty(model.named_buffers());
    }

    internal static long Live() => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

    internal static Tensor Row(int[] ids) => tensor(ids.Select(i => (long)i).ToArray(), [1, ids.Length], int64);

    internal static Transformer Load(string family, ScalarType type = ScalarType.Float32)
    {
        var folder = CheckpointFolder.Open(Shared.Find($"golden/{family}"), weightsOnly: true);
        var model = new Transformer(folder.Config, type: type);
        folder.LoadWeights(model);
        return model;
    }

    private static List<JsonElement> Cases(string family) =>
        [.. Shared.Json($"golden/{family}/golden.json").GetProperty("cases").EnumerateArray()];

    private static double Furthest(Tensor logits, JsonElement reference)
    {
        var ours = logits.contiguous().data<float>().ToArray();
        return reference.Doubles().Zip(ours, (a, b) => Math.Abs(a - b)).Max();
    }
}
