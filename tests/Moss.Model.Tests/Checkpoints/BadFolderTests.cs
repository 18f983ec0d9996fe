using System.Text.Json.Nodes;
using CsCheck;
using Moss.Model.Checkpoints;
using static TorchSharp.torch;

namespace Moss.Model.Tests.Checkpoints;

/// <summary>Folders that must not load: each is refused with file, tensor and reason before memory is taken for what they claim.</summary>
public class BadFolderTests
{
    private const long Cheap = 4_000_000; // bytes; the headers and the network's objects

    [Fact]
    public void A_missing_shard_is_named_with_a_tensor_that_was_to_be_in_it()
    {
        var folder = Sharded();
        var lost = Directory.GetFiles(folder, "model-0*").Order().Last();
        File.Delete(lost);
        Refused(folder, lost, "the index says that", "is missing");
    }

    [Fact]
    public void An_index_that_points_outside_the_folder_is_refused()
    {
        var folder = Sharded();
        Edit(Path.Combine(folder, "model.safetensors.index.json"), index => index["weight_map"]!["model.norm.weight"] = "/etc/passwd.safetensors");
        Refused(folder, "model.safetensors.index.json", "'model.norm.weight'", "/etc/passwd");
    }

    [Fact]
    public void A_tensor_in_another_shard_than_the_index_says_is_refused()
    {
        var folder = Sharded();
        Edit(Path.Combine(folder, "model.safetensors.index.json"), index =>
            index["weight_map"]!["model.norm.weight"] = index["weight_map"]!["model.embed_tokens.weight"]!.GetValue<string>());
        Refused(folder, "model-0", "'model.norm.weight'", "does not place there");
    }

    [Theory]
    [InlineData("hidden_size", 16_777_216, "has shape")]
    [InlineData("vocab_size", 16_000_000, "model.embed_tokens.weight")]
    [InlineData("intermediate_size", 16_000_000, "mlp")]
    [InlineData("num_hidden_layers", 16_000, "16,000 layers")]
    [InlineData("num_hidden_layers", 2_000_000_000, "2,000,000,000")]
    [InlineData("vocab_size", 2_000_000_000, "2,000,000,000")]
    public void A_config_that_claims_a_giant_takes_no_memory_for_it(string field, int value, string said)
    {
        var folder = Golden();
        Edit(Path.Combine(folder, "config.json"), config => config[field] = value);
        var before = Peak();
        Refused(folder, folder, said);
        Assert.InRange(Peak() - before, 0, 1_000_000_000); // libtorch's memory, of which the giant would take 4 GB and more; other tests run beside this one
    }

    [Fact]
    public void Weights_of_another_shape_or_with_a_number_that_is_none_are_refused_by_tensor()
    {
        var folder = Golden();
        using var scope = NewDisposeScope();
        var weights = Path.Combine(folder, "model.safetensors");
        var tensors = SafetensorsHeader.Read(weights).Tensors.ToDictionary(t => t.Name, t => zeros(t.Shape));
        Safetensors.Load(weights, name => tensors[name]);
        var norm = tensors["model.norm.weight"];
        tensors["model.norm.weight"] = norm.reshape(2, -1);
        Safetensors.Save(weights, tensors.Select(t => (t.Key, t.Value)));
        Refused(folder, weights, "'model.norm.weight' has shape [2, ");

        norm[0] = double.PositiveInfinity;
        tensors["model.norm.weight"] = norm;
        Safetensors.Save(weights, tensors.Select(t => (t.Key, t.Value)));
        Refused(folder, weights, "'model.norm.weight' holds NaN or infinite");

        tensors.Remove("model.norm.weight");
        Safetensors.Save(weights, tensors.Select(t => (t.Key, t.Value)));
        Refused(folder, folder, "'model.norm.weight'");
    }

    [Fact]
    public void A_header_of_more_than_100_MB_is_refused_unread_even_when_the_file_is_that_long()
    {
        var folder = Golden();
        using (var file = File.Create(Path.Combine(folder, "model.safetensors")))
        {
            file.Write(BitConverter.GetBytes(150_000_000L));
            file.SetLength(200_000_000); // a hole, not 200 MB
        }
        Refused(folder, "model.safetensors", "the header claims 150,000,000 bytes");
    }

    [Fact]
    public void Weights_of_pytorch_alone_are_refused_with_the_verb_that_converts_them()
    {
        var folder = Golden();
        File.Move(Path.Combine(folder, "model.safetensors"), Path.Combine(folder, "pytorch_model.bin"));
        Refused(folder, folder, "./moss checkpoint convert");
    }

    [Fact]
    public void Old_weights_in_any_format_are_not_copied_beside_new_ones_but_all_else_is()
    {
        Assert.All(["model.safetensors", "pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.00.pth", "model.safetensors.index.json", "x.gguf", "a.part"],
            file => Assert.True(CheckpointFolder.IsWeights(file), file));
        Assert.All(["config.json", "tokenizer.model", "merges.txt", "LICENSE", "chat_template.jinja", ".gitattributes"], file => Assert.False(CheckpointFolder.IsWeights(file), file));
    }

    [Fact]
    public void Any_header_loads_or_is_refused_and_takes_no_memory_that_it_only_claims()
    {
        var number = Gen.OneOf(Gen.Long[0, 24], Gen.Const(8L), Gen.Long, Gen.Const(long.MaxValue));
        var list = number.Array[0, 3].Select(n => $"[{string.Join(',', n)}]");
        var field = Gen.OneOf(Gen.Const("\"dtype\":\"F32\""), Gen.Const("\"dtype\":\"BF16\""), Gen.Const("\"dtype\":3"), list.Select(l => $"\"shape\":{l}"),
            list.Select(l => $"\"data_offsets\":{l}"), Gen.Const("\"shape\":[2]"), Gen.Const("\"data_offsets\":[0,8]"), Gen.Const("\"x\":null"), Gen.Const("\"dtype\":\"\\ud800\""));
        var tensor = Gen.Select(Gen.OneOf(Gen.Const("a"), Gen.Const("b"), Gen.Const("__metadata__"), Gen.Const("\\u0000"), Gen.Const("\\ud800")), field.Array[0, 4],
            (name, fields) => $"\"{name}\":{{{string.Join(',', fields)}}}");
        var json = Gen.OneOf(tensor.Array[0, 3].Select(t => "{" + string.Join(',', t) + "}"), Gen.String.Select(s => "{" + s), Gen.Const("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"));
        var path = Path.Combine(Shared.NewFolder(), "fuzz.safetensors");
        var loaded = 0;
        using var scope = NewDisposeScope();
        Gen.Select(json, Gen.Byte.Array[0, 16], Gen.OneOf(Gen.Const(0L), Gen.Const(0L), Gen.Const(0L), Gen.Long[-20, 20])).Sample((header, data, lie) =>
        {
            var text = System.Text.Encoding.UTF8.GetBytes(header);
            File.Delete(path); // some file systems flush a file that is cut and written again
            File.WriteAllBytes(path, [.. BitConverter.GetBytes(text.Length + lie), .. text, .. data]);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var targets = SafetensorsHeader.Read(path).Tensors.ToDictionary(t => t.Name, t => t.End <= 16 && t.Shape.All(s => s <= 16) ? zeros(t.Shape) : null);
                loaded += Safetensors.Load(path, name => targets[name]).Count;
            }
            catch (InvalidDataException e)
            {
                Assert.Contains(path, e.Message, StringComparison.Ordinal);
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
        }, iter: 2_000, threads: 1);
        Assert.InRange(loaded, 1, int.MaxValue); // the generator also makes sound files
    }

    private static long Peak()
    {
        using var self = System.Diagnostics.Process.GetCurrentProcess();
        return self.PeakWorkingSet64;
    }

    private static void Refused(string folder, params string[] said)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<InvalidDataException>(() => CheckpointFolder.Open(folder, weightsOnly: true).LoadNetwork().Dispose());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Cheap);
        Assert.All(said, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
    }

    private static void Edit(string file, Action<JsonNode> change)
    {
        var json = JsonNode.Parse(File.ReadAllText(file))!;
        change(json);
        File.WriteAllText(file, json.ToJsonString());
    }

    private static string Golden()
    {
        var folder = Shared.NewFolder();
        foreach (var file in (string[])["config.json", "model.safetensors"])
            File.WriteAllBytes(Path.Combine(folder, file), File.ReadAllBytes(Path.Combine(Shared.Find("golden/qwen3"), file)));
        return folder;
    }

    private static string Sharded()
    {
        var folder = Golden();
        using (var network = CheckpointFolder.Open(folder, weightsOnly: true).LoadNetwork())
            CheckpointFolder.WriteWeights(folder, network, ScalarType.Float32, shardBytes: 100_000);
        File.Delete(Path.Combine(folder, "model.safetensors"));
        return folder;
    }
}
