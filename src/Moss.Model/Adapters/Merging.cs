using Moss.Model.Checkpoints;
using Moss.Model.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Adapters;

/// <summary>Makes an adapter part of the weights, and proves by logits that the result says what base and adapter said together.</summary>
public static class Merging
{
    private const int LastPositions = 8; // of each prompt: a large vocabulary's logits fill memory quickly

    /// <summary>Adds the adapter to the network's weights in float32, rounded once to the number format of the folder that the network came from.</summary>
    /// <param name="basis">Weights in float32.</param>
    /// <param name="prompts">Token ids; what base and adapter say to them is compared with what the merged network says.</param>
    public static MergeProof Merge(LoadedCheckpoint basis, LoraAdapter adapter, IReadOnlyList<int[]> prompts)
    {
        if (basis.Transformer.WeightType != ScalarType.Float32 || basis.Transformer.ComputeType != ScalarType.Float32) throw new ArgumentException(
            $"The base is in memory as {basis.Transformer.WeightType}; merging rounds once, so it needs the weights in float32.", nameof(basis));
        using var scope = NewDisposeScope();
        using var expected = Together(basis.Transformer, adapter, prompts);
        adapter.MergeInto(basis.Transformer);
        CheckpointFolder.RoundToStored(basis);
        return Compare(expected, Logits(basis.Transformer, prompts), basis.Folder.StoredWeightType);
    }

    /// <summary>Merges two folders into a third, and proves the third by reading it again.</summary>
    /// <param name="template">Name of the chat template, where the base's own is unknown.</param>
    /// <exception cref="InvalidDataException">The result differs by more than its number format explains; nothing is left at the target.</exception>
    public static MergeProof MergeFolders(string basePath, string adapterPath, string target, string? template = null)
    {
        if (Directory.Exists(target) || File.Exists(target))
            throw new InvalidDataException($"'{target}' exists already; a checkpoint is never overwritten. Choose another name.");
        using var scope = NewDisposeScope();
        Tensor expected;
        IReadOnlyList<int[]> prompts;
        // An adapter out of a checkpoint that is asked for quality goes on being asked for it.
        var quality = CheckpointFolder.ReadQuality(Path.Combine(adapterPath, CheckpointFolder.MossFile));
        var device = TorchRuntime.BestDevice();
        using (var basis = LoadedCheckpoint.Load(basePath, device, template))
        using (var adapter = AdapterFolder.Load(adapterPath, basis.Transformer))
        {
            quality ??= basis.AskedQuality;
            prompts = Prompts(basis, quality is null ? Questions : [.. Questions.Select(q => QualityTag.Ask(q, quality))]);
            expected = Together(basis.Transformer, adapter, prompts);
            adapter.MergeInto(basis.Transformer);
            CheckpointFolder.Write(target, basis, new()
            {
                ["format"] = "moss.checkpoint/1", ["kind"] = "Lora", ["recipe"] = "merge", ["base_manifest_sha256"] = basis.ManifestSha256,
                ["adapter_sha256"] = Manifest.HashFile(Path.Combine(AdapterFolder.Of(adapterPath), AdapterFolder.WeightsFile)), ["template_sha256"] = basis.ChatTemplate.Sha256,
                [CheckpointFolder.QualityField] = quality,
            }, Questions);
        }
        try
        {
            using var written = LoadedCheckpoint.Load(target, device, template);
            var proof = Compare(expected, Logits(written.Transformer, prompts), written.Folder.StoredWeightType);
            return proof.Holds ? proof : throw new InvalidDataException(
                $"'{target}' was not kept: {proof}. The base may not be the one that the adapter was trained on.");
        }
        catch
        {
            Directory.Delete(target, recursive: true);
            throw;
        }
    }

    /// <summary>The conversations as token ids, up to where MOSS is to speak.</summary>
    public static IReadOnlyList<int[]> Prompts(LoadedCheckpoint basis, IReadOnlyList<IReadOnlyList<ChatTurn>> turns) =>
        [.. turns.Select(t => basis.ChatTemplate.FitLatest(basis.Asked(t), basis.Config.ContextLength).Turns)
            .Select(fitted => basis.ChatTemplate.Render(fitted, generationPrompt: true).Tokens)];

    /// <summary>For a folder that says nothing about what it was tuned on.</summary>
    private static readonly IReadOnlyList<IReadOnlyList<ChatTurn>> Questions =
    [
        [new(ChatTurn.User, "What is the capital of France?")],
        [new(ChatTurn.User, "Write a short poem about moss.")],
        [new(ChatTurn.User, "Who directed Jaws?")],
        [new(ChatTurn.User, "Explain how a training loop works.")],
        [new(ChatTurn.User, "2 + 2 = ?")],
        [new(ChatTurn.User, "法国的首都是哪里？")],
        [new(ChatTurn.User, "请用一句话介绍你自己。")],
        [new(ChatTurn.User, "How do I sort a list in C#?")],
    ];

    private static Tensor Together(Transformer model, LoraAdapter adapter, IReadOnlyList<int[]> prompts)
    {
        adapter.Attach(model);
        try
        {
            return Logits(model, prompts);
        }
        finally
        {
            LoraAdapter.Detach(model);
        }
    }

    /// <returns>(positions, V) float32 on the CPU, owned by the caller's scope.</returns>
    private static Tensor Logits(Transformer model, IReadOnlyList<int[]> prompts)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var rows = new List<Tensor>();
        foreach (var prompt in prompts)
        {
            var ids = tensor(prompt.Select(id => (long)id).ToArray(), int64, model.Device);
            var hidden = model.Hidden(ids, [new Segment(prompt.Length)]);
            var last = Math.Min(LastPositions, prompt.Length);
            rows.Add(model.Head(hidden.narrow(0, prompt.Length - last, last)).cpu());
        }
        return cat(rows, 0).MoveToOuterDisposeScope();
    }

    private static MergeProof Compare(Tensor expected, Tensor found, string weightType)
    {
        using var scope = NewDisposeScope();
        var apart = (expected - found).abs();
        var (top, _) = expected.max(1);
        var chosen = expected.gather(1, found.argmax(1, keepdim: true)).squeeze(1);
        var even = (top - chosen).le(top.abs().clamp_min(1) * MergeProof.Tie);
        return new(weightType, expected.shape[0], apart.max().item<float>(), (apart / expected.abs().clamp_min(1)).max().item<float>(),
            even.to_type(ScalarType.Float32).mean().item<float>());
    }
}
