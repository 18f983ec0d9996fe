using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Win32.SafeHandles;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Checkpoints;

/// <summary>Tensors in and out of safetensors files, streamed: never more than a few megabytes beside the tensors themselves.</summary>
public static class Safetensors
{
    private const int ChunkBytes = 16 << 20;

    private static readonly Dictionary<string, ScalarType> Loadable = new()
    {
        ["F32"] = ScalarType.Float32,
        ["F16"] = ScalarType.Float16,
        ["BF16"] = ScalarType.BFloat16,
    };

    /// <summary>Not weights: masks and counters that some files carry.</summary>
    private static readonly string[] Skipped = ["I64", "U8", "BOOL"];

    /// <summary>Fills the named tensors from the file, converting to their own type and device.</summary>
    /// <param name="target">Where a tensor of this name goes, or null when it is not wanted.</param>
    /// <returns>Names that were filled.</returns>
    /// <exception cref="InvalidDataException">The file is damaged, or a tensor has another shape than expected.</exception>
    public static IReadOnlyList<string> Load(string path, Func<string, Tensor?> target) =>
        Read(path, name => target(name) is { } tensor ? new TensorTarget(tensor) : null);

    /// <summary>The same where a tensor has to be taken apart once it is read; a target with <see cref="TensorTarget.Filled"/> is disposed here.</summary>
    internal static IReadOnlyList<string> Read(string path, Func<string, TensorTarget?> target)
    {
        var header = SafetensorsHeader.Read(path);
        using var file = File.OpenHandle(path);
        var filled = new List<string>();
        foreach (var entry in header.Tensors.OrderBy(t => t.Begin))
        {
            if (Skipped.Contains(entry.Type) || target(entry.Name) is not { } wanted) continue;
            var tensor = wanted.Tensor;
            if (!Loadable.TryGetValue(entry.Type, out var type)) throw SafetensorsHeader.Refuse(path,
                $"tensor '{entry.Name}' has dtype {entry.Type}; weights must be F32, F16 or BF16");
            if (!tensor.shape.AsSpan().SequenceEqual(entry.Shape)) throw SafetensorsHeader.Refuse(path,
                $"tensor '{entry.Name}' has shape {entry.Dimensions} but config.json asks for [{string.Join(", ", tensor.shape)}]");
            Fill(tensor, type, file, header.DataStart + entry.Begin, path, entry.Name);
            if (wanted.Filled is not null)
            {
                wanted.Filled(tensor);
                tensor.Dispose();
            }
            filled.Add(entry.Name);
        }
        return filled;
    }

    /// <summary>Names in the file, in the order of their bytes.</summary>
    public static IReadOnlyList<string> Names(string path) =>
        [.. SafetensorsHeader.Read(path).Tensors.OrderBy(t => t.Begin).Select(t => t.Name)];

    /// <summary>Writes the tensors as one file, in the type given, and flushes it to the disk.</summary>
    public static void Save(string path, IEnumerable<(string Name, Tensor Value)> tensors, ScalarType type = ScalarType.Float32) =>
        Save(path, tensors.Select(t => new UnwrittenTensor(t.Name, t.Value.shape, () => t.Value.alias())), type);

    internal static void Save(string path, IEnumerable<UnwrittenTensor> tensors, ScalarType type)
    {
        // The format asks for descending alignment, then name; one type makes that the name alone.
        var ordered = tensors.OrderBy(t => t.Name, StringComparer.Ordinal).ToList();
        var (label, size) = type switch
        {
            ScalarType.Float32 => ("F32", 4),
            ScalarType.Float16 => ("F16", 2),
            ScalarType.BFloat16 => ("BF16", 2),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Weights are written as float32, float16 or bfloat16."),
        };
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        long at = 0;
        foreach (var tensor in ordered)
        {
            var end = at + tensor.Count * size;
            header[tensor.Name] = new JsonObject
            {
                ["dtype"] = label,
                ["shape"] = new JsonArray([.. tensor.Shape.Select(s => (JsonNode)s)]),
                ["data_offsets"] = new JsonArray(at, end),
            };
            at = end;
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
            using var value = tensor.Value();
            Write(file, value, type, size);
        }
        file.Flush(flushToDisk: true);
    }

    private static void Write(FileStream file, Tensor value, ScalarType type, int size)
    {
        using var mode = no_grad();
        foreach (var (start, count) in Chunks(value.NumberOfElements, size))
        {
            using var scope = NewDisposeScope();
            file.Write(value.reshape(-1).narrow(0, start, count).to(type).cpu().contiguous().bytes);
        }
    }

    private static void Fill(Tensor tensor, ScalarType type, SafeFileHandle file, long offset, string path, string name)
    {
        using var mode = no_grad();
        var size = type == ScalarType.Float32 ? 4 : 2;
        foreach (var (start, count) in Chunks(tensor.NumberOfElements, size))
        {
            using var scope = NewDisposeScope();
            var chunk = empty([count], type);
            var bytes = chunk.bytes;
            for (int done = 0, read; done < bytes.Length; done += read)
            {
                read = RandomAccess.Read(file, bytes[done..], offset + start * size + done);
                if (read == 0) throw SafetensorsHeader.Refuse(path, $"the file ended inside tensor '{name}'");
            }
            if (!chunk.isfinite().all().item<bool>()) throw SafetensorsHeader.Refuse(path, $"tensor '{name}' holds NaN or infinite numbers");
            tensor.view(-1).narrow(0, start, count).copy_(chunk);
        }
    }

    private static IEnumerable<(long Start, long Count)> Chunks(long elements, int size)
    {
        var most = ChunkBytes / size;
        for (long start = 0; start < elements; start += most) yield return (start, Math.Min(most, elements - start));
    }
}
