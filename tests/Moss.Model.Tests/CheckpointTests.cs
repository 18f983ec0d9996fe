using System.Text.Json.Nodes;
using Moss.Model.Checkpoints;
using Moss.Model.Text;
using TorchSharp;

namespace Moss.Model.Tests;

public class CheckpointTests(StarterFixture starter)
{
    [Fact]
    public void A_starter_is_a_complete_folder_that_verifies()
    {
        Assert.Equal(
            ["chat_template.jinja", "checks.json", "config.json", "generation_config.json", "manifest.json", "model.safetensors", "moss.json",
                "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"],
            Directory.EnumerateFiles(starter.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        var folder = CheckpointFolder.Open(starter.Folder);
        Assert.Equal(starter.Sha256, folder.VerifyManifest());
        Assert.Equal(starter.Sha256, folder.ManifestSha256);
        using var loaded = starter.Load();
        loaded.VerifyChecks();
        Assert.Empty(Directory.EnumerateDirectories(Path.GetDirectoryName(starter.Folder)!, "*.tmp-*"));
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("tokenizer.json")]
    [InlineData("config.json")]
    [InlineData("checks.json")]
    public void A_flipped_byte_a_missing_file_and_a_cut_one_are_named(string file)
    {
        var copy = starter.Copy();
        var path = Path.Combine(copy, file);
        var good = File.ReadAllBytes(path);
        var flipped = good.ToArray();
        flipped[good.Length / 2] ^= 1;
        foreach (var (bytes, said) in ((byte[]?, string)[])[(flipped, "SHA-256"), (good[..^1], "bytes where"), (null, "missing")])
        {
            if (bytes is null) File.Delete(path);
            else File.WriteAllBytes(path, bytes);
            var error = Assert.Throws<InvalidDataException>(() => Manifest.Verify(copy));
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
            Assert.Contains(said, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_file_that_the_manifest_does_not_know_is_named()
    {
        var copy = starter.Copy();
        File.WriteAllText(Path.Combine(copy, "added.jinja"), "");
        Assert.Contains("added.jinja", Assert.Throws<InvalidDataException>(() => LoadedCheckpoint.Load(copy)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_from_elsewhere_without_a_manifest_loads()
    {
        var copy = starter.Copy();
        File.Delete(Path.Combine(copy, "manifest.json"));
        Assert.Null(CheckpointFolder.Open(copy).VerifyManifest());
        using var loaded = LoadedCheckpoint.Load(copy, torch.CPU);
        Assert.Equal(starter.Sha256, loaded.ManifestSha256); // the manifest that would be written
    }

    [Fact]
    public void Weights_that_are_not_what_was_trained_are_not_served()
    {
        using var loaded = starter.Load();
        using (torch.no_grad()) loaded.Transformer.get_parameter("model.norm.weight")!.mul_(1.05);
        var error = Assert.Throws<InvalidDataException>(loaded.VerifyChecks);
        Assert.Contains("does not serve what was trained", error.Message, StringComparison.Ordinal);
        Assert.Contains("nats", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tokenizer_larger_than_the_weights_is_refused_with_both_numbers()
    {
        var copy = Unsealed();
        BpeTrainer.Train(Enumerable.Range(0, 3_000).Select(i => Word(i * 7_919) + " " + Word(i * 7_919)), 4_000, Path.Combine(copy, "tokenizer.json"));
        var error = Assert.Throws<InvalidDataException>(() => LoadedCheckpoint.Load(copy));
        Assert.Contains("They come from different models", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_of_another_shape_or_number_are_refused_by_tensor()
    {
        foreach (var (field, value, said) in new[] { ("num_hidden_layers", 5, "model.layers.4"), ("num_hidden_layers", 3, "model.layers.3"), ("intermediate_size", 96, "mlp") })
        {
            var copy = Unsealed();
            var config = JsonNode.Parse(File.ReadAllText(Path.Combine(copy, "config.json")))!;
            config[field] = value;
            File.WriteAllText(Path.Combine(copy, "config.json"), config.ToJsonString());
            Assert.Contains(said, Assert.Throws<InvalidDataException>(() => LoadedCheckpoint.Load(copy)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_unknown_template_is_refused_unless_one_is_named()
    {
        var copy = Unsealed();
        File.WriteAllText(Path.Combine(copy, "chat_template.jinja"), "{{ messages }}");
        var folder = CheckpointFolder.Open(copy);
        var tokenizer = Tokenizer.Load(copy);
        Assert.Contains("chatml, qwen2", Assert.Throws<InvalidDataException>(() => ChatTemplate.For(folder, tokenizer)).Message, StringComparison.Ordinal);
        Assert.Equal("qwen2", ChatTemplate.For(folder, tokenizer, "qwen2").Name);
        Assert.Contains("no chat template \"mine\"", Assert.Throws<InvalidDataException>(() => ChatTemplate.For(folder, tokenizer, "mine")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shards_and_one_file_hold_the_same_network()
    {
        using var whole = starter.Load();
        var sharded = Unsealed();
        File.Delete(Path.Combine(sharded, "model.safetensors"));
        CheckpointFolder.WriteWeights(sharded, whole.Transformer, torch.ScalarType.Float32, shardBytes: 2_000_000);
        Assert.True(CheckpointFolder.Open(sharded).WeightFiles.Count > 2);
        using (var again = LoadedCheckpoint.Load(sharded, torch.CPU)) again.VerifyChecks();

        var index = Path.Combine(sharded, "model.safetensors.index.json");
        var map = JsonNode.Parse(File.ReadAllText(index))!;
        map["weight_map"]!["model.norm.weight"] = "../outside.safetensors";
        File.WriteAllText(index, map.ToJsonString());
        Assert.Contains("../outside", Assert.Throws<InvalidDataException>(() => CheckpointFolder.Open(sharded)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_is_never_written_over_another_and_a_failed_one_leaves_nothing()
    {
        using var loaded = starter.Load();
        Assert.Contains("exists already", Assert.Throws<IOException>(() => CheckpointFolder.Write(starter.Folder, loaded, [], [])).Message, StringComparison.Ordinal);
        var parent = Shared.NewFolder();
        Assert.Throws<InvalidDataException>(() => CheckpointFolder.WriteFolder(Path.Combine(parent, "x"), _ => throw new InvalidDataException("no")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(parent));
    }

    [Fact]
    public void What_is_missing_is_said_by_name()
    {
        Assert.Contains("no checkpoint folder", Assert.Throws<InvalidDataException>(() => CheckpointFolder.Open("/nowhere/at/all")).Message, StringComparison.Ordinal);
        foreach (var file in (string[])["config.json", "tokenizer.json", "model.safetensors"])
        {
            var copy = Unsealed();
            File.Delete(Path.Combine(copy, file));
            Assert.Contains(file, Assert.Throws<InvalidDataException>(() => CheckpointFolder.Open(copy)).Message, StringComparison.Ordinal);
        }
    }

    private static string Word(int number) => number == 0 ? "" : (char)('a' + number % 26) + Word(number / 26);

    /// <summary>A copy without its manifest, so that a changed file is met by what reads it.</summary>
    private string Unsealed()
    {
        var copy = starter.Copy();
        File.Delete(Path.Combine(copy, "manifest.json"));
        return copy;
    }
}
