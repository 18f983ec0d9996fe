using System.Text.Json.Nodes;
using CsCheck;
using Moss.Model.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

public class FamilyTests
{
    [Theory, MemberData(nameof(GoldenTests.Families), MemberType = typeof(GoldenTests))]
    public void Written_weights_are_byte_for_byte_those_that_were_read(string family)
    {
        using var model = GoldenTests.Load(family);
        var place = Shared.NewFolder();
        CheckpointFolder.WriteWeights(place, model, ScalarType.Float32, long.MaxValue);
        var (ours, theirs) = (Tensors(Path.Combine(place, "model.safetensors")), Tensors(Path.Combine(Shared.Find($"golden/{family}"), "model.safetensors")));
        Assert.Equal(theirs.Keys.Order(StringComparer.Ordinal), ours.Keys.Order(StringComparer.Ordinal));
        Assert.All(theirs, t => Assert.True(t.Value.SequenceEqual(ours[t.Key]), $"{t.Key} differs"));
    }

    [Fact]
    public void GptJ_is_MOSS_with_its_queries_keys_and_values_apart()
    {
        using var moss = GoldenTests.Load("moss");
        var place = Shared.NewFolder();
        var config = Config("moss");
        (config["model_type"], config["architectures"]) = ("gptj", new JsonArray("GPTJForCausalLM"));
        File.WriteAllText(Path.Combine(place, "config.json"), config.ToJsonString());
        using var gptj = new Transformer(ModelConfig.Load(Path.Combine(place, "config.json")));
        using (no_grad())
        {
            var from = moss.named_parameters().ToDictionary(p => p.name, p => p.parameter);
            foreach (var (name, parameter) in gptj.named_parameters()) parameter.copy_(from[name]);
        }
        CheckpointFolder.WriteWeights(place, gptj, ScalarType.Float32, long.MaxValue);
        Assert.Contains("transformer.h.0.attn.k_proj.weight", Safetensors.Names(Path.Combine(place, "model.safetensors")));

        var opened = CheckpointFolder.Open(place, weightsOnly: true);
        using var read = new Transformer(opened.Config);
        opened.LoadWeights(read);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var ids = GoldenTests.Row([.. Enumerable.Range(3, 20)]);
        Assert.Equal(moss.forward(ids).data<float>().ToArray(), read.forward(ids).data<float>().ToArray());
    }

    [Fact]
    public void Early_GPT2_files_without_the_prefix_and_with_their_masks_are_read()
    {
        using var model = GoldenTests.Load("gpt2");
        var place = Shared.NewFolder();
        var folder = Shared.Find("golden/gpt2");
        File.Copy(Path.Combine(folder, "config.json"), Path.Combine(place, "config.json"));
        using var scope = NewDisposeScope();
        CheckpointFolder.WriteWeights(place, model, ScalarType.Float32, long.MaxValue);
        var file = Path.Combine(place, "model.safetensors");
        var early = new List<(string, Tensor)> { ("h.0.attn.bias", ones([1, 1, 64, 64])), ("h.0.attn.masked_bias", tensor(-1e4f)) };
        Safetensors.Read(file, name => new TensorTarget(Shaped(file, name), read => early.Add((name.Replace("transformer.", "", StringComparison.Ordinal), read.clone()))));
        Safetensors.Save(file, early);

        using var again = new Transformer(model.Config);
        CheckpointFolder.Open(place, weightsOnly: true).LoadWeights(again);
        using var mode = no_grad();
        var ids = GoldenTests.Row([5, 6, 7]);
        Assert.Equal(model.forward(ids).data<float>().ToArray(), again.forward(ids).data<float>().ToArray());
    }

    [Theory, MemberData(nameof(GoldenTests.Families), MemberType = typeof(GoldenTests))]
    public void Sequences_of_different_lengths_in_one_pass_each_get_the_logits_they_get_alone(string family)
    {
        using var model = GoldenTests.Load(family);
        // Each sequence is read in pieces of its own, so new ones join and finished ones leave while others are in the middle.
        var piece = Gen.Int[1, 9];
        Gen.Select(Gen.Int[2, 40].SelectMany(n => Gen.Int[0, model.Config.VocabSize - 1].Array[n]), piece, Gen.Int[0, 3]).List[2, 5].Sample(sequences =>
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            var caches = sequences.Select(_ => new KvCache(model.Config)).ToList();
            var last = new Tensor?[sequences.Count];
            for (var round = 0; last.Any(l => l is null); round++)
            {
                var reading = Enumerable.Range(0, sequences.Count).Where(i => last[i] is null && round >= sequences[i].Item3)
                    .Select(i => (Index: i, Ids: sequences[i].Item1.Skip((int)caches[i].Length).Take(sequences[i].Item2).Select(id => (long)id).ToArray())).ToList();
                if (reading.Count == 0) continue;
                var logits = model.NextLogits(tensor(reading.SelectMany(r => r.Ids).ToArray()), [.. reading.Select(r => new Segment(r.Ids.Length, caches[r.Index]))]);
                foreach (var (row, r) in reading.Index())
                    if (caches[r.Index].Length == sequences[r.Index].Item1.Length) last[r.Index] = logits[row];
            }
            foreach (var (i, sequence) in sequences.Index())
                Assert.InRange((last[i]! - model.NextLogits(GoldenTests.Row(sequence.Item1))).abs().max().item<float>(), 0, 1e-4);
            caches.ForEach(c => c.Dispose());
        }, iter: 12);
    }

    [Fact]
    public void In_bfloat16_the_likeliest_token_is_the_same_at_95_of_100_positions_of_all_references()
    {
        var (same, all) = (0, 0);
        foreach (var family in new[] { "llama3-tied", "qwen2", "qwen3", "smollm2-like", "gpt2", "moss" })
        {
            using var model = GoldenTests.Load(family, ScalarType.BFloat16);
            foreach (var reference in Shared.Json($"golden/{family}/golden.json").GetProperty("cases").EnumerateArray())
            {
                using var scope = NewDisposeScope();
                using var mode = no_grad();
                var found = model.forward(GoldenTests.Row(reference.GetProperty("input_ids").Ints()))[0].argmax(-1).data<long>().ToArray();
                var expected = reference.GetProperty("argmax_per_position").Ints();
                same += found.Zip(expected).Count(p => p.First == p.Second);
                all += expected.Length;
            }
        }
        Assert.True(same >= 0.95 * all, $"{same} of {all} positions agree");
    }

    [Theory]
    [InlineData("gpt2", "scale_attn_weights", "false", "scale_attn_weights")]
    [InlineData("gpt2", "scale_attn_by_inverse_layer_idx", "true", "scale_attn_by_inverse_layer_idx")]
    [InlineData("gpt2", "activation_function", "\"relu\"", "relu")]
    [InlineData("gpt2", "n_head", "5", "n_head")]
    [InlineData("moss", "n_embd", "null", "moss-base")]
    [InlineData("moss", "n_head", "2", "n_head")]
    [InlineData("moss", "rotary_dim", "3", "rotary")]
    [InlineData("moss", "rotary_dim", "64", "rotary_dim")]
    [InlineData("moss", "wbits", "8", "wbits")]
    [InlineData("moss", "tie_word_embeddings", "true", "tie_word_embeddings")]
    [InlineData("moss", "architectures", "[\"CodeGenForCausalLM\"]", "CodeGenForCausalLM")]
    public void What_these_families_cannot_compute_is_refused_by_name(string family, string field, string value, string named)
    {
        var config = Config(family);
        config[field] = JsonNode.Parse(value);
        Assert.Contains(named, Assert.Throws<InvalidDataException>(() => ModelConfig.Parse(config.ToJsonString())).Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(GoldenTests.Families), MemberType = typeof(GoldenTests))]
    public void Parameters_are_counted_without_building_the_network(string family)
    {
        using var model = GoldenTests.Load(family);
        Assert.Equal(model.parameters().Sum(p => p.NumberOfElements), model.Config.ParameterCount);
    }

    private static JsonObject Config(string family) => JsonNode.Parse(File.ReadAllText(Path.Combine(Shared.Find($"golden/{family}"), "config.json")))!.AsObject();

    private static Tensor Shaped(string file, string name) => empty(SafetensorsHeader.Read(file).Tensors.Single(t => t.Name == name).Shape);

    /// <summary>Bytes of every tensor but the masks that published files carry along.</summary>
    private static Dictionary<string, byte[]> Tensors(string file)
    {
        var (header, bytes) = (SafetensorsHeader.Read(file), File.ReadAllBytes(file));
        return header.Tensors.Where(t => t.Type != "BOOL").ToDictionary(t => t.Name, t => bytes[(int)(header.DataStart + t.Begin)..(int)(header.DataStart + t.End)]);
    }
}
