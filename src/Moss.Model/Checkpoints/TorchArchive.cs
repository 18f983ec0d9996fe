using System.IO.Compression;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Moss.Model.Checkpoints;

/// <summary>
/// One .bin file of torch.save: a zip of data.pkl, which describes the tensors, and data/N, which hold their numbers.
/// </summary>
/// <remarks>Tensors are copied out one after the other; none but a transposed one is ever held whole.</remarks>
internal sealed class TorchArchive : IDisposable
{
    private const int LargestPickle = 4 << 20;  // names and shapes of some twenty thousand tensors
    private const int CopyBytes = 1 << 20;
    private const long Rereads = 4;             // tied weights read a storage twice

    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly Dictionary<string, ZipRecord> _records = new(StringComparer.Ordinal);
    private readonly bool _bigEndian;

    private TorchArchive(string path)
    {
        _path = path;
        _file = File.OpenHandle(path);
        try
        {
            RefuseOldFormat();
            var (prefix, records) = Content();
            foreach (var record in records.Where(r => r.Name.StartsWith(prefix, StringComparison.Ordinal))) _records.Add(record.Name[prefix.Length..], record);
            _bigEndian = ByteOrder();
            Tensors = new PickleReader(Small("data.pkl", LargestPickle), path).Read();
            CheckStorages();
        }
        catch (Exception e)
        {
            _file.Dispose();
            if (e is InvalidDataException && !e.Message.Contains(path, StringComparison.Ordinal)) throw Refuse(e.Message, e);
            throw;
        }
    }

    public IReadOnlyList<(string Name, TorchTensor Tensor)> Tensors { get; }

    /// <summary>Reads the description and checks that all it points at is there. Nothing in the file is run.</summary>
    /// <exception cref="InvalidDataException">What is not understood, in which file, at which byte.</exception>
    public static TorchArchive Open(string path) => new(path);

    /// <summary>Copies a tensor's numbers, row after row, little-endian.</summary>
    public void CopyTo(TorchTensor tensor, Stream target)
    {
        var size = SafetensorsHeader.BitsOf(tensor.Storage.Type) / 8;
        using var source = Numbers(tensor.Storage, tensor.Offset * size, tensor.Span * size);
        if (!tensor.IsContiguous)
        {
            Gather(tensor, size, source, target);
            return;
        }
        var buffer = new byte[CopyBytes];
        for (var left = tensor.Count * size; left > 0;)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(left, buffer.Length));
            Fill(source, part);
            Turn(part, size);
            target.Write(part);
            left -= part.Length;
        }
    }

    public void Dispose() => _file.Dispose();

    private void RefuseOldFormat()
    {
        Span<byte> start = stackalloc byte[4];
        var read = RandomAccess.Read(_file, start, 0);
        if (read >= 2 && start[0] == 0x80 && start[1] is >= 2 and <= 5) throw Refuse(
            "it is in the format of torch before 1.6, a bare pickle. Load and save it again with a newer torch: " +
            "torch.save(torch.load(\"old.bin\", weights_only=True), \"new.bin\")");
        if (read < 4 || start is not [0x50, 0x4B, 0x03, 0x04]) throw Refuse("it is not a file of torch.save, which is a zip");
    }

    private (string Prefix, IReadOnlyList<ZipRecord> Records) Content()
    {
        var records = ZipDirectory.Read(_file);
        var pickles = records.Where(r => r.Name.EndsWith("/data.pkl", StringComparison.Ordinal) && r.Name.IndexOf('/') == r.Name.Length - 9).ToList();
        return pickles is [var only] ? (only.Name[..^8], records) : throw Refuse($"it holds {pickles.Count} files data.pkl, and torch.save writes one");
    }

    private bool ByteOrder() => !_records.ContainsKey("byteorder") ? false : Encoding.ASCII.GetString(Small("byteorder", 16)).Trim() switch
    {
        "little" => false,
        "big" => true,
        var other => throw Refuse($"its byte order is '{other}'; little and big are known"),
    };

    private void CheckStorages()
    {
        var seen = new Dictionary<string, TorchStorage>(StringComparer.Ordinal);
        long held = 0, read = 0;
        foreach (var (name, tensor) in Tensors)
        {
            var storage = tensor.Storage;
            if (!_records.TryGetValue($"data/{storage.Key}", out var record)) throw Refuse($"tensor '{name}': its numbers, data/{storage.Key}, are missing");
            var size = SafetensorsHeader.BitsOf(storage.Type) / 8;
            if (record.Size % size != 0 || record.Size / size != storage.Count) throw Refuse(
                $"tensor '{name}': data/{storage.Key} has {record.Size:N0} bytes where {storage.Count:N0} numbers of {storage.Type} are claimed");
            if (seen.TryAdd(storage.Key, storage)) held += record.Size;
            else if (seen[storage.Key] != storage) throw Refuse($"tensor '{name}': data/{storage.Key} is claimed to be two things");
            if (!tensor.IsContiguous && tensor.Span * size > Array.MaxLength) throw Refuse(
                $"tensor '{name}' is not contiguous and larger than 2 GB. Save it after .contiguous()");
            read += record.Deflated ? (tensor.Offset + tensor.Span) * size : tensor.Span * size; // what is deflated is unpacked from its beginning
            if (read > Rereads * held + LargestPickle) throw Refuse($"its {Tensors.Count:N0} tensors read the same numbers again and again, as no weights do");
        }
    }

    private Stream Numbers(TorchStorage storage, long from, long count)
    {
        var record = _records[$"data/{storage.Key}"];
        if (!record.Deflated) return new SectionStream(_file, record.Start + from, count);
        var unpacked = new DeflateStream(new SectionStream(_file, record.Start, record.Packed), CompressionMode.Decompress);
        var skip = new byte[CopyBytes];
        for (var left = from; left > 0;)
        {
            var part = skip.AsSpan(0, (int)Math.Min(left, skip.Length));
            Fill(unpacked, part);
            left -= part.Length;
        }
        return unpacked;
    }

    private void Gather(TorchTensor tensor, int size, Stream source, Stream target)
    {
        var span = new byte[tensor.Span * size];
        Fill(source, span);
        Turn(span, size);
        var (shape, strides) = (tensor.Shape, tensor.Strides);
        var index = new long[shape.Length];
        for (long n = tensor.Count, at = 0; n > 0; n--)
        {
            target.Write(span, (int)(at * size), size);
            for (var d = shape.Length - 1; d >= 0; d--)
            {
                at += strides[d];
                if (++index[d] < shape[d]) break;
                at -= shape[d] * strides[d];
                index[d] = 0;
            }
        }
    }

    private void Turn(Span<byte> bytes, int size)
    {
        if (!_bigEndian || size == 1) return;
        for (var i = 0; i < bytes.Length; i += size) bytes.Slice(i, size).Reverse();
    }

    private byte[] Small(string name, int most)
    {
        var record = _records[name];
        if (record.Size > most) throw Refuse($"{name} has {record.Size:N0} bytes; at most {most:N0} are read");
        using Stream section = new SectionStream(_file, record.Start, record.Packed);
        using var source = record.Deflated ? new DeflateStream(section, CompressionMode.Decompress) : section;
        var bytes = new byte[record.Size];
        Fill(source, bytes);
        return bytes;
    }

    private void Fill(Stream source, Span<byte> bytes)
    {
        if (source.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length) throw Refuse("a file in it ends too early");
    }

    private InvalidDataException Refuse(string what, Exception? inner = null) =>
        new($"'{_path}' cannot be converted: {what}{(what.EndsWith(')') ? "" : ".")} Nothing was written.", inner);
}
