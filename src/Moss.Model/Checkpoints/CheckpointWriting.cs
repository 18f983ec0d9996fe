using System.Text.Json;
using System.Text.Json.Nodes;
using Moss.Model.Families;
using Moss.Model.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Checkpoints;

public sealed partial class CheckpointFolder
{
    /// <summary>Writes a trained network as a complete new checkpoint: aside, flushed, manifest last, then renamed.</summary>
    /// <param name="target">The new folder; must not exist.</param>
    /// <param name="trained">Network with the folder it came from, whose other files are copied byte for byte.</param>
    /// <param name="moss">moss.json: run, dataset, settings, seed …, whatever the caller wants to be able to name later.</param>
    /// <param name="checkPrompts">Conversations (16 by convention) whose answers are recorded in checks.json as proof of what was trained.</param>
    /// <returns>The new checkpoint's manifest hash.</returns>
    /// <remarks>Weights keep the base's number format; the network in memory is rounded to it first, so both are the same.</remarks>
    public static string Write(
        string target, LoadedCheckpoint trained, JsonObject moss, IReadOnlyList<IReadOnlyList<ChatTurn>> checkPrompts)
    {
        var type = trained.Folder.StoredWeightType switch { "bfloat16" => ScalarType.BFloat16, "float16" => ScalarType.Float16, _ => ScalarType.Float32 };
        if (type != ScalarType.Float32) Round(trained.Transformer, type);
        var checks = CheckpointChecks.Compute(trained.Transformer, trained.Tokenizer, trained.ChatTemplate, checkPrompts, trained.StopIds);
        return WriteFolder(target, aside =>
        {
            foreach (var file in Directory.EnumerateFiles(trained.Folder.Path).Where(f => !IsOwn(System.IO.Path.GetFileName(f))))
                DurableFiles.Copy(file, System.IO.Path.Combine(aside, System.IO.Path.GetFileName(file)));
            WriteWeights(aside, trained.Transformer, type, WeightShards.ShardBytes);
            DurableFiles.WriteText(System.IO.Path.Combine(aside, MossFile), moss.ToJsonString(Indented) + "\n");
            DurableFiles.WriteText(System.IO.Path.Combine(aside, CheckpointChecks.FileName), checks.ToJson().ToJsonString() + "\n");
        });
    }

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Everything or nothing: a reader sees the finished folder or none.</summary>
    internal static string WriteFolder(string target, Action<string> fill)
    {
        target = System.IO.Path.GetFullPath(target);
        if (Directory.Exists(target) || File.Exists(target)) throw new IOException($"'{target}' exists already; a checkpoint is never overwritten. Choose another name.");
        var parent = System.IO.Path.GetDirectoryName(target)!;
        Directory.CreateDirectory(parent);
        var aside = $"{target}.tmp-{Guid.NewGuid():N}";
        Directory.CreateDirectory(aside);
        try
        {
            fill(aside);
            var manifest = Manifest.Describe(aside);
            DurableFiles.WriteText(System.IO.Path.Combine(aside, Manifest.FileName), manifest);
            DurableFiles.FlushFolder(aside);
            Directory.Move(aside, target);
            DurableFiles.FlushFolder(parent);
            return Manifest.HashText(manifest);
        }
        catch
        {
            if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true);
            throw;
        }
    }

    internal static void WriteWeights(string folder, Transformer network, ScalarType type, long shardBytes) =>
        WeightShards.Write(folder, Stored(network, type), shardBytes);

    private static IEnumerable<RawTensor> Stored(Transformer network, ScalarType type)
    {
        var parameters = network.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        return WeightLayout.Of(network.Config, parameters).Values
            .Select(stored => Safetensors.Raw(stored.Name, stored.Shape(parameters), () => stored.PutTogether(parameters), type));
    }

    /// <summary>Weights in whatever format, and what is written anew: the rest is copied. Old weights beside new ones would be another model's.</summary>
    private static bool IsOwn(string file) => file is MossFile or CheckpointChecks.FileName or Manifest.FileName || IsWeights(file);

    internal static bool IsWeights(string file) =>
        System.IO.Path.GetExtension(file) is ".safetensors" or ".bin" or ".pt" or ".pth" or ".gguf" or ".h5" or ".msgpack" or ".onnx" or ".ckpt" or ".part" or ".etag"
        || file is IndexFile or PickledWeights.IndexFile;

    private static void Round(Transformer network, ScalarType type)
    {
        using var mode = no_grad();
        foreach (var parameter in network.parameters())
        {
            using var scope = NewDisposeScope();
            parameter.copy_(parameter.to(type));
        }
    }
}
