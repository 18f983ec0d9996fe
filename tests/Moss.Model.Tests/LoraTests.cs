using System.Text.Json;
using System.Text.Json.Nodes;
using Moss.Model.Adapters;
using Moss.Model.Checkpoints;
using Moss.Model.Learning;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

public class LoraTests
{
    private static readonly JsonElement Golden = Shared.Json("golden/qwen3/lora_golden.json");
    private static string PeftFolder => Shared.Find("golden/qwen3");

    [Fact]
    public void Logits_with_an_adapter_of_PEFT_equal_the_reference_and_so_do_merged_ones()
    {
        using var model = GoldenTests.Load("qwen3");
        using var adapter = AdapterFolder.Load(PeftFolder, model);
        adapter.Attach(model);
        Compare("adapter_logits_last");
        LoraAdapter.Detach(model);
        adapter.MergeInto(model);
        Compare("merged_logits_last");

        void Compare(string field)
        {
            foreach (var reference in Golden.GetProperty("cases").EnumerateArray())
            {
                using var scope = NewDisposeScope();
                using var mode = no_grad();
                var logits = model.NextLogits(GoldenTests.Row(reference.GetProperty("input_ids").Ints())).data<float>().ToArray();
                Assert.InRange(reference.GetProperty(field).Doubles().Zip(logits, (a, b) => Math.Abs(a - b)).Max(), 0, 5e-5);
            }
        }
    }

    [Fact]
    public void Gradients_of_an_adapter_over_a_frozen_base_equal_the_reference()
    {
        using var model = GoldenTests.Load("qwen3");
        using var adapter = AdapterFolder.Load(PeftFolder, model);
        foreach (var parameter in model.parameters()) parameter.requires_grad = false;
        adapter.Attach(model);
        using var scope = NewDisposeScope();
        var (ids, targets) = TrainingGoldenTests.Batch(Shared.Json("golden/qwen3/train_golden.json"));
        var train = Golden.GetProperty("train");
        var loss = Losses.TokenCrossEntropyBackward(model, ids, targets, Shared.Json("golden/qwen3/train_golden.json").GetProperty("unmasked_target_tokens").GetInt64());
        Assert.InRange(Math.Abs(loss.item<float>() - train.GetProperty("loss").GetDouble()), 0, 5e-5);
        var ours = adapter.Parameters.ToDictionary(p => "base_model.model." + p.Name, p => p.Value.grad!.norm().item<float>());
        Assert.All(train.GetProperty("grad_l2_norm").EnumerateObject(), g => TrainingGoldenTests.Near(g.Value.GetDouble(), ours[g.Name], 1e-4));
        Assert.All(model.parameters(), p => Assert.Null(p.grad));
    }

    [Theory, MemberData(nameof(GoldenTests.Families), MemberType = typeof(GoldenTests))]
    public void A_new_adapter_changes_nothing_bit_for_bit(string family)
    {
        using var model = GoldenTests.Load(family);
        using var adapter = LoraAdapter.Create(model, new() { Rank = 4 }, seed: 1);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var ids = GoldenTests.Row([4, 9, 16, 25]);
        var before = model.forward(ids).data<float>().ToArray();
        adapter.Attach(model);
        Assert.Equal(before, model.forward(ids).data<float>().ToArray());
    }

    [Theory, MemberData(nameof(GoldenTests.Families), MemberType = typeof(GoldenTests))]
    public void A_saved_adapter_computes_the_same_when_it_is_read_again(string family)
    {
        using var model = GoldenTests.Load(family);
        using var adapter = Random(model, new() { Rank = 4, Alpha = 8, RankStabilized = family == "qwen2" });
        var place = Shared.NewFolder();
        AdapterFolder.Write(place, adapter, model, "the base");
        using var again = AdapterFolder.Load(place, model);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var ids = GoldenTests.Row([.. Enumerable.Range(7, 12)]);
        adapter.Attach(model);
        var expected = model.forward(ids);
        again.Attach(model);
        Assert.InRange((model.forward(ids) - expected).abs().max().item<float>(), 0, 1e-4);
        again.MergeInto(model);
        LoraAdapter.Detach(model);
        Assert.InRange((model.forward(ids) - expected).abs().max().item<float>(), 0, 1e-4);
    }

    [Fact]
    public void What_PEFT_wrote_is_written_again_byte_for_byte()
    {
        using var model = GoldenTests.Load("qwen3");
        using var adapter = AdapterFolder.Load(PeftFolder, model);
        var place = Shared.NewFolder();
        AdapterFolder.Write(place, adapter, model, ".");
        var (ours, theirs) = (Tensors(place), Tensors(PeftFolder));
        Assert.Equal(theirs.Keys.Order(StringComparer.Ordinal), ours.Keys.Order(StringComparer.Ordinal));
        Assert.All(theirs, t => Assert.Equal(t.Value, ours[t.Key]));
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(place, AdapterFolder.ConfigFile)));
        using var peft = JsonDocument.Parse(File.ReadAllText(Path.Combine(PeftFolder, AdapterFolder.ConfigFile)));
        foreach (var field in config.RootElement.EnumerateObject())
            Assert.True(JsonElement.DeepEquals(field.Value, peft.RootElement.GetProperty(field.Name)), field.Name);
    }

    [Theory]
    [InlineData("peft_type", "\"IA3\"", "IA3")]
    [InlineData("use_dora", "true", "DoRA")]
    [InlineData("bias", "\"all\"", "bias")]
    [InlineData("modules_to_save", "[\"lm_head\"]", "modules_to_save")]
    [InlineData("r", "8", "expected [8, ")]
    [InlineData("r", "0", "r is 0")]
    [InlineData("lora_alpha", "null", "lora_alpha")]
    [InlineData("init_lora_weights", "\"pissa\"", "init_lora_weights")]
    [InlineData("rank_pattern", "{\"^q_proj$\": 2}", "rank_pattern")]
    public void An_adapter_that_would_be_computed_wrongly_is_refused_by_name(string field, string value, string named)
    {
        using var model = GoldenTests.Load("qwen3");
        var place = Shared.NewFolder();
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(PeftFolder, AdapterFolder.ConfigFile)))!.AsObject();
        config[field] = JsonNode.Parse(value);
        File.WriteAllText(Path.Combine(place, AdapterFolder.ConfigFile), config.ToJsonString());
        File.Copy(Path.Combine(PeftFolder, AdapterFolder.WeightsFile), Path.Combine(place, AdapterFolder.WeightsFile));
        Assert.Contains(named, Assert.Throws<InvalidDataException>(() => AdapterFolder.Load(place, model)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_of_another_model_is_refused()
    {
        using var model = GoldenTests.Load("qwen2");
        Assert.Contains("another", Assert.Throws<InvalidDataException>(() => AdapterFolder.Load(PeftFolder, model)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Merging_into_bfloat16_rounds_once()
    {
        using var model = GoldenTests.Load("qwen3", ScalarType.BFloat16);
        using var exact = GoldenTests.Load("qwen3");
        using var adapter = AdapterFolder.Load(PeftFolder, model);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        const string name = "model.layers.1.self_attn.q_proj.weight";
        var change = adapter.Parameters.Where(p => p.Name.StartsWith("model.layers.1.self_attn.q_proj.", StringComparison.Ordinal)).Select(p => (Tensor)p.Value).ToList();
        var expected = (exact.get_parameter(name)!.to_type(ScalarType.BFloat16).to_type(ScalarType.Float32) + 2 * change[1].mm(change[0])).to_type(ScalarType.BFloat16);
        adapter.MergeInto(model);
        Assert.True(model.get_parameter(name)!.eq(expected).all().item<bool>());
    }

    private static LoraAdapter Random(Transformer model, LoraSettings settings)
    {
        var adapter = LoraAdapter.Create(model, settings, seed: 5);
        using var mode = no_grad();
        foreach (var (_, parameter) in adapter.Parameters) parameter.normal_(0, 0.1);
        return adapter;
    }

    private static Dictionary<string, byte[]> Tensors(string folder)
    {
        var file = Path.Combine(folder, AdapterFolder.WeightsFile);
        var (header, bytes) = (SafetensorsHeader.Read(file), File.ReadAllBytes(file));
        return header.Tensors.ToDictionary(t => t.Name, t => bytes[(int)(header.DataStart + t.Begin)..(int)(header.DataStart + t.End)]);
    }
}
