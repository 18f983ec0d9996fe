using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Moss.Model.Checkpoints;

/// <summary>Writes tensors as one safetensors file, or as several with an index; each flushed to the disk.</summary>
public static class WeightShards
{
    /// <summary>What hubs and transformers use; a larger tensor gets a file of its own.</summary>
    public const long ShardBytes = 5_000_000_000;

    internal const string Single = "model.safetensors", Index = "model.safetensors.index.json";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Tensors in the order of their names, a new file whenever the next would make one too large.</summary>
    public static void Write(string folder, IEnumerable<RawTensor> tensors, long shardBytes = ShardBytes)
    {
        var shards = new List<List<RawTensor>> { new() };
        long bytes = 0, total = 0;
        foreach (var tensor in tensors.OrderBy(t => t.Name, StringComparer.Ordinal))
        {
            if (shards[^1].Count > 0 && bytes + tensor.Bytes > shardBytes)
            {
                shards.Add([]);
                bytes = 0;
            }
            shards[^1].Add(tensor);
            (bytes, total) = (bytes + tensor.Bytes, total + tensor.Bytes);
        }
        if (shards is [var only])
        {
            WriteFile(Path.Combine(folder, Single), only);
            return;
        }
        var map = new JsonObject();
        for (var i = 0; i < shards.Count; i++)
        {
            var file = $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors";
            WriteFile(Path.Combine(folder, file), shards[i]);
            foreach (var tensor in shards[i]) map[tensor.Name] = file;
        }
        var index = new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = total }, ["weight_map"] = map };
        DurableFiles.WriteText(Path.Combine(folder, Index), index.ToJsonString(Indented) + "\n");
    }

    /// <summary>One file, sorted as the format asks: by descending alignment, then by name.</summary>
    internal static void WriteFile(string path, IEnumerable<RawTensor> tensors)
    {
        var ordered = tensors.OrderByDescending(t => SafetensorsHeader.BitsOf(t.Type)).ThenBy(t => t.Name, StringComparer.Ordinal).ToList();
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        long at = 0;
        foreach (var tensor in ordered)
        {
            header[tensor.Name] = new JsonObject
            {
                ["dtype"] = tensor.Type,
                ["shape"] = new JsonArray([.. tensor.Shape.Select(s => (JsonNode)s)]),
                ["data_offsets"] = new JsonArray(at, at + tensor.Bytes),
            };
            at += tensor.Bytes;
        }
        var json = Encoding.UTF8.GetBytes(header.ToJsonString());
        var padded = (json.Length + 7) / 8 * 8;
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        Span<byte> prefix = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)padded);
        file.Write(prefix);
        file.Write(json);
        for (var i = json.Length; i < padded; i++) file.WriteByte((byte)' ');
        foreach (var tensor in ordered)
        {
            var before = file.Position;
            tensor.Write(file);
            if (file.Position - before != tensor.Bytes) throw new InvalidOperationException(
                $"Tensor '{tensor.Name}' wrote {file.Position - before:N0} bytes instead of {tensor.Bytes:N0}.");
        }
        file.Flush(flushToDisk: true);
    }
}
