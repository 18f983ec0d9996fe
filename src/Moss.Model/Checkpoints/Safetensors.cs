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
    /// <param name="target">Where a tensor of this name goes, of the file's shape (a view will do), or null when it is not wanted.</param>
    /// <returns>Names that were filled.</returns>
    /// <exception cref="InvalidDataException">The file is damaged, or a tensor has another shape than expected.</exception>
    public static IReadOnlyList<string> Load(string path, Func<string, Tensor?> target) =>
        Read(path, name => target(name) is { } tensor ? new TensorTarget(tensor) : null);

    /// <summary>The same where a tensor has to be taken apart once it is read; one such exists at a time.</summary>
    internal static IReadOnlyList<string> Read(string path, Func<string, TensorTarget?> target)
    {
        var header = SafetensorsHeader.Read(path);
        var matched = Match(header, path, target);
        using var file = File.OpenHandle(path);
        var reading = new WeightReading(file, path);
        foreach (var (entry, type, plain) in matched.Where(m => m.Target.Filled is null)) reading.Fill(plain.Memory(), type, header.DataStart + entry.Begin, entry.Name);
        reading.Finish();
        foreach (var (entry, type, packed) in matched.Where(m => m.Target.Filled is not null))
        {
            using var memory = packed.Memory();
            var alone = new WeightReading(file, path);
            alone.Fill(memory, type, header.DataStart + entry.Begin, entry.Name);
            alone.Finish();
            packed.Filled!(memory);
        }
        return [.. matched.Select(m => m.Entry.Name)];
    }

    /// <summary>As <see cref="Read"/>, but only compares names, types and shapes.</summary>
    internal static IReadOnlyList<string> Check(string path, Func<string, TensorTarget?> target) =>
        [.. Match(SafetensorsHeader.Read(path), path, target).Select(m => m.Entry.Name)];

    /// <summary>Names in the file, in the order of their bytes.</summary>
    public static IReadOnlyList<string> Names(string path) =>
        [.. SafetensorsHeader.Read(path).Tensors.OrderBy(t => t.Begin).Select(t => t.Name)];

    /// <summary>Writes the tensors as one file, in the type given, and flushes it to the disk.</summary>
    public static void Save(string path, IEnumerable<(string Name, Tensor Value)> tensors, ScalarType type = ScalarType.Float32) =>
        WeightShards.WriteFile(path, tensors.Select(t => Raw(t.Name, t.Value.shape, () => t.Value.alias(), type)));

    /// <summary>A tensor of libtorch to be written in the type given; made only when its turn comes, so that no second copy of a network exists.</summary>
    internal static RawTensor Raw(string name, long[] shape, Func<Tensor> value, ScalarType type)
    {
        var label = Loadable.First(known => known.Value == type).Key;
        return new(name, label, shape, file =>
        {
            using var made = value();
            Write(file, made, type, SafetensorsHeader.BitsOf(label) / 8);
        });
    }

    private static void Write(Stream file, Tensor value, ScalarType type, int size)
    {
        using var mode = no_grad();
        foreach (var (start, count) in Chunks(value.NumberOfElements, size))
        {
            using var scope = NewDisposeScope();
            file.Write(value.reshape(-1).narrow(0, start, count).to(type).cpu().contiguous().bytes);
        }
    }

    private static List<(TensorEntry Entry, ScalarType Type, TensorTarget Target)> Match(
        SafetensorsHeader header, string path, Func<string, TensorTarget?> target)
    {
        var matched = new List<(TensorEntry, ScalarType, TensorTarget)>();
        foreach (var entry in header.Tensors.OrderBy(t => t.Begin))
        {
            if (Skipped.Contains(entry.Type) || target(entry.Name) is not { } wanted) continue;
            if (!Loadable.TryGetValue(entry.Type, out var type)) throw SafetensorsHeader.Refuse(path,
                $"tensor '{entry.Name}' has dtype {entry.Type}; weights must be F32, F16 or BF16");
            if (!wanted.Shape.AsSpan().SequenceEqual(entry.Shape)) throw SafetensorsHeader.Refuse(path,
                $"tensor '{entry.Name}' has shape {entry.Dimensions} but config.json asks for [{string.Join(", ", wanted.Shape)}]");
            matched.Add((entry, type, wanted));
        }
        return matched;
    }

    private static IEnumerable<(long Start, long Count)> Chunks(long elements, int size)
    {
        var most = ChunkBytes / size;
        for (long start = 0; start < elements; start += most) yield return (start, Math.Min(most, elements - start));
    }
}
