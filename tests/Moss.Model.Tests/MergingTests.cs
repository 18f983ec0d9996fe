using System.Text.Json.Nodes;
using Moss.Model.Adapters;
using Moss.Model.Checkpoints;
using Moss.Model.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

public sealed class MergingTests(StarterFixture starter)
{
    [Fact]
    public void A_merged_folder_says_what_base_and_adapter_say_together()
    {
        var (adapter, target) = (Adapter(starter.Folder), Path.Combine(Shared.NewFolder(), "merged"));

        var proof = Merging.MergeFolders(starter.Folder, adapter, target);

        Assert.True(proof.Holds);
        Assert.InRange(proof.LargestRelative, 0, 1e-4);
        using var merged = LoadedCheckpoint.Load(target, CPU);
        merged.VerifyChecks();
        using var basis = starter.Load();
        using var change = AdapterFolder.Load(adapter, basis.Transformer);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var ids = tensor(new long[] { 5, 9, 14, 30 }, [1, 4]);
        var (alone, found) = (basis.Transformer.forward(ids), merged.Transformer.forward(ids));
        change.Attach(basis.Transformer);
        Assert.InRange((basis.Transformer.forward(ids) - found).abs().max().item<float>(), 0, 1e-3);
        Assert.True((alone - found).abs().max().item<float>() > 0.05, "The adapter changes nothing, so this proves nothing.");
    }

    [Fact]
    public void Weights_in_bfloat16_are_rounded_once_and_choose_the_same_tokens()
    {
        var basis = starter.Copy();
        File.Delete(Path.Combine(basis, "manifest.json"));
        File.Delete(Path.Combine(basis, CheckpointChecks.FileName)); // of the float32 weights
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(basis, "config.json")))!;
        config["torch_dtype"] = "bfloat16";
        File.WriteAllText(Path.Combine(basis, "config.json"), config.ToJsonString());
        using (var network = starter.Load()) CheckpointFolder.WriteWeights(basis, network.Transformer, ScalarType.BFloat16, long.MaxValue);
        var target = Path.Combine(Shared.NewFolder(), "merged");

        var proof = Merging.MergeFolders(basis, Adapter(basis), target);

        Assert.Equal("bfloat16", proof.WeightType);
        Assert.InRange(proof.Agreement, 0.95, 1);
        Assert.True(proof.LargestRelative > 1e-5, "Nothing was rounded.");
        Assert.All(SafetensorsHeader.Read(Path.Combine(target, "model.safetensors")).Tensors, t => Assert.Equal("BF16", t.Type));
    }

    [Fact]
    public void A_folder_that_exists_is_never_overwritten() =>
        Assert.Contains("exists already", Assert.Throws<InvalidDataException>(
            () => Merging.MergeFolders(starter.Folder, Adapter(starter.Folder), Shared.NewFolder())).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("float32", 2e-4, 1, false)]
    [InlineData("float32", 9e-5, 1, true)]
    [InlineData("bfloat16", 0.2, 0.96, true)]
    [InlineData("bfloat16", 1e-3, 0.94, false)]
    public void A_proof_holds_within_what_the_number_format_explains(string type, double relative, double agreement, bool holds) =>
        Assert.Equal(holds, new MergeProof(type, 100, relative, relative, agreement).Holds);

    [Fact]
    public void A_base_in_memory_in_a_short_format_is_not_merged()
    {
        using var half = LoadedCheckpoint.Load(starter.Folder, CPU, type: ScalarType.BFloat16);
        using var adapter = LoraAdapter.Create(half.Transformer, new() { Rank = 2 }, seed: 1);
        Assert.Contains("float32", Assert.Throws<ArgumentException>(() => Merging.Merge(half, adapter, [[1, 2]])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_newest_question_alone_asks_for_quality()
    {
        ChatTurn[] turns = [new(ChatTurn.System, "s"), new(ChatTurn.User, "one"), new(ChatTurn.Assistant, "1"), new(ChatTurn.User, "two"), new(ChatTurn.Assistant, "2")];
        Assert.Equal([turns[0], turns[1], turns[2], new(ChatTurn.User, "two\n\n[reply quality: high]"), turns[4]], QualityTag.Ask(turns, QualityTag.Best));
        Assert.Equal([turns[0]], QualityTag.Ask([turns[0]], QualityTag.Best));
    }

    [Fact]
    public void A_checkpoint_tuned_with_tags_is_asked_for_the_best_and_its_checks_are_too()
    {
        var target = Path.Combine(Shared.NewFolder(), "tagged");
        using (var basis = starter.Load())
            CheckpointFolder.Write(target, basis, new JsonObject { [CheckpointFolder.QualityField] = QualityTag.Best }, [Samples.Ask(Samples.Question)]);
        using var tagged = LoadedCheckpoint.Load(target, CPU);

        Assert.Equal(QualityTag.Best, tagged.AskedQuality);
        tagged.VerifyChecks();
        var prompt = tagged.ChatTemplate.Render(tagged.Asked(Samples.Ask(Samples.Question)), generationPrompt: true).Tokens;
        var check = JsonNode.Parse(File.ReadAllText(Path.Combine(target, CheckpointChecks.FileName)))!["checks"]![0]!["prompt"]!.AsArray().Select(id => id!.GetValue<int>());
        Assert.Equal(prompt, check);
        using var plain = starter.Load();
        Assert.Null(plain.AskedQuality);
    }

    private static string Adapter(string basis)
    {
        using var loaded = LoadedCheckpoint.Load(basis, CPU);
        using var adapter = LoraAdapter.Create(loaded.Transformer, new() { Rank = 4, Alpha = 8 }, seed: 5);
        using (no_grad())
            foreach (var (_, parameter) in adapter.Parameters) parameter.normal_(0, 0.05);
        var place = Shared.NewFolder();
        AdapterFolder.Write(place, adapter, loaded.Transformer, "starter");
        return place;
    }
}
