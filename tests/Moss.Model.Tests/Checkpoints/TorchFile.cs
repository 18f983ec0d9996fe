using System.IO.Compression;
using System.Text;
using Moss.Model.Checkpoints;

namespace Moss.Model.Tests.Checkpoints;

/// <summary>Makes .bin files as torch.save lays them out.</summary>
internal static class TorchFile
{
    private static readonly Dictionary<string, string> Storages = new()
    {
        ["F32"] = "FloatStorage", ["F16"] = "HalfStorage", ["BF16"] = "BFloat16Storage", ["BOOL"] = "BoolStorage", ["I64"] = "LongStorage",
    };

    /// <param name="data">Bytes of data/0, data/1 …</param>
    public static void Write(string path, byte[] pickle, IEnumerable<(string Key, byte[] Bytes)> data, bool deflated = false, string? byteOrder = "little")
    {
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        var level = deflated ? CompressionLevel.Fastest : CompressionLevel.NoCompression;
        Add("archive/data.pkl", pickle);
        if (byteOrder is not null) Add("archive/byteorder", Encoding.ASCII.GetBytes(byteOrder));
        foreach (var (key, bytes) in data) Add($"archive/data/{key}", bytes);
        Add("archive/version", "3\n"u8.ToArray());

        void Add(string name, byte[] bytes)
        {
            using var entry = zip.CreateEntry(name, level).Open();
            entry.Write(bytes);
        }
    }

    /// <summary>The tensors of a safetensors file, or some of them, as torch would have saved them.</summary>
    public static void FromSafetensors(string source, string path, Func<string, bool>? which = null, bool deflated = false, bool bigEndian = false)
    {
        var (header, bytes) = (SafetensorsHeader.Read(source), File.ReadAllBytes(source));
        var tensors = header.Tensors.Where(t => which is null || which(t.Name)).ToList();
        var pickle = PickleWriter.StateDict(p =>
        {
            foreach (var (i, t) in tensors.Index()) p.Tensor(t.Name, Storages[t.Type], $"{i}", t.Count, 0, t.Shape, parameter: i % 2 == 1);
        });
        Write(path, pickle, tensors.Select((t, i) => ($"{i}", Turned(
            bytes[(int)(header.DataStart + t.Begin)..(int)(header.DataStart + t.End)], bigEndian ? SafetensorsHeader.BitsOf(t.Type) / 8 : 1))),
            deflated, bigEndian ? "big" : "little");
    }

    public static byte[] Floats(params float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];

    private static byte[] Turned(byte[] bytes, int size)
    {
        for (var i = 0; size > 1 && i < bytes.Length; i += size) bytes.AsSpan(i, size).Reverse();
        return bytes;
    }
}
