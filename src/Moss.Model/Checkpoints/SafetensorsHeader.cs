using System.Buffers.Binary;
using System.Text.Json;

namespace Moss.Model.Checkpoints;

/// <summary>Where one tensor lies in a safetensors file.</summary>
/// <param name="Begin">First byte, counted from the end of the header.</param>
internal sealed record TensorEntry(string Name, string Type, long[] Shape, long Begin, long End)
{
    public long Count => Shape.Aggregate(1L, (product, size) => checked(product * size));
    public string Dimensions => $"[{string.Join(", ", Shape)}]";
}

/// <summary>The header of a safetensors file, checked completely before a byte of data is trusted.</summary>
internal sealed class SafetensorsHeader
{
    private const long LongestHeader = 100_000_000; // bytes, the format's own limit
    private const int MostTensors = 200_000, LongestName = 1_024, MostDimensions = 8;

    private static readonly Dictionary<string, int> Bits = new()
    {
        ["F64"] = 64,
        ["F32"] = 32,
        ["F16"] = 16,
        ["BF16"] = 16,
        ["F8_E4M3"] = 8,
        ["F8_E5M2"] = 8,
        ["BOOL"] = 8,
        ["I64"] = 64,
        ["I32"] = 32,
        ["I16"] = 16,
        ["I8"] = 8,
        ["U64"] = 64,
        ["U32"] = 32,
        ["U16"] = 16,
        ["U8"] = 8,
    };

    /// <summary>Bits of one number of a dtype of the format.</summary>
    public static int BitsOf(string type) => Bits[type];

    public required IReadOnlyList<TensorEntry> Tensors { get; init; }

    /// <summary>Offset in the file at which tensor bytes begin.</summary>
    public required long DataStart { get; init; }

    public static SafetensorsHeader Read(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> prefix = stackalloc byte[8];
        if (file.ReadAtLeast(prefix, 8, throwOnEndOfStream: false) < 8) throw Refuse(path, $"the file has {file.Length:N0} bytes, too few for a header");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > LongestHeader) throw Refuse(path, $"the header claims {length:N0} bytes; at most {LongestHeader:N0} are allowed");
        if ((long)length > file.Length - 8) throw Refuse(path, $"the header claims {length:N0} bytes but the file has {file.Length:N0}; it is truncated or no safetensors file");

        var json = new byte[length];
        file.ReadExactly(json);
        if (json.Length == 0 || json[0] != (byte)'{') throw Refuse(path, "the header does not start with '{'");
        try
        {
            var tensors = Parse(json, path);
            CheckLayout(tensors, file.Length - 8 - json.Length, path);
            return new() { Tensors = tensors, DataStart = 8 + json.Length };
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw new InvalidDataException($"'{path}': the header is not valid: {e.Message}", e);
        }
    }

    // Utf8JsonReader, because JsonDocument accepts duplicate keys and this format must not.
    private static List<TensorEntry> Parse(byte[] json, string path)
    {
        var reader = new Utf8JsonReader(json);
        var (tensors, names) = (new List<TensorEntry>(), new HashSet<string>());
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            if (!names.Add(name)) throw Refuse(path, $"the header names '{name}' twice");
            if (name.Length > LongestName) throw Refuse(path, $"a tensor name has {name.Length:N0} characters");
            if (names.Count > MostTensors) throw Refuse(path, $"the header names more than {MostTensors:N0} tensors");
            Expect(ref reader, JsonTokenType.StartObject, name, path);
            if (name == "__metadata__") SkipMetadata(ref reader, path);
            else tensors.Add(ReadEntry(ref reader, name, path));
        }
        if (reader.TokenType != JsonTokenType.EndObject) throw Refuse(path, "the header's JSON does not end");
        if (reader.Read()) throw Refuse(path, "the header goes on after its JSON");
        return tensors;
    }

    private static TensorEntry ReadEntry(ref Utf8JsonReader reader, string name, string path)
    {
        string? type = null;
        long[]? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = reader.GetString()!;
            reader.Read();
            var first = field switch { "dtype" => type is null, "shape" => shape is null, "data_offsets" => offsets is null, _ => true };
            if (!first) throw Refuse(path, $"tensor '{name}' gives {field} twice");
            switch (field)
            {
                case "dtype": type = reader.GetString(); break;
                case "shape": shape = Numbers(ref reader, name, field, path); break;
                case "data_offsets": offsets = Numbers(ref reader, name, field, path); break;
                default: throw Refuse(path, $"tensor '{name}' has an unknown field '{field}'");
            }
        }
        if (type is null || shape is null || offsets is not [var begin, var end])
            throw Refuse(path, $"tensor '{name}' must have dtype, shape and two data_offsets");
        return new(name, type, shape, begin, end);
    }

    private static long[] Numbers(ref Utf8JsonReader reader, string name, string field, string path)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw Refuse(path, $"tensor '{name}': {field} is not a list");
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType == JsonTokenType.Number)
        {
            if (!reader.TryGetInt64(out var number) || number < 0) throw Refuse(path, $"tensor '{name}': {field} holds a number that is not a size");
            if (numbers.Count == MostDimensions) throw Refuse(path, $"tensor '{name}': {field} has more than {MostDimensions} entries");
            numbers.Add(number);
        }
        return reader.TokenType == JsonTokenType.EndArray ? [.. numbers] : throw Refuse(path, $"tensor '{name}': {field} holds something that is no number");
    }

    private static void SkipMetadata(ref Utf8JsonReader reader, string path)
    {
        var keys = new HashSet<string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!keys.Add(reader.GetString()!)) throw Refuse(path, "__metadata__ gives a key twice");
            Expect(ref reader, JsonTokenType.String, "__metadata__", path);
        }
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type, string name, string path)
    {
        if (!reader.Read() || reader.TokenType != type) throw Refuse(path, $"'{name}' is {reader.TokenType}, expected {type}");
    }

    private static void CheckLayout(List<TensorEntry> tensors, long dataBytes, string path)
    {
        long at = 0;
        TensorEntry? before = null;
        foreach (var tensor in tensors.OrderBy(t => t.Begin).ThenBy(t => t.End))
        {
            if (!Bits.TryGetValue(tensor.Type, out var bits)) throw Refuse(path, $"tensor '{tensor.Name}' has the unknown dtype {tensor.Type}");
            if (tensor.End < tensor.Begin || tensor.End > dataBytes) throw Refuse(path,
                $"tensor '{tensor.Name}' lies at bytes {tensor.Begin:N0} to {tensor.End:N0}, but the file has {dataBytes:N0} bytes of data");
            if (tensor.Begin != at) throw Refuse(path, tensor.Begin < at
                ? $"tensor '{tensor.Name}' begins at byte {tensor.Begin:N0}, inside '{before!.Name}' which ends at {at:N0}"
                : $"bytes {at:N0} to {tensor.Begin:N0} before tensor '{tensor.Name}' belong to no tensor");
            long expected;
            try { expected = checked(tensor.Count * bits / 8); }
            catch (OverflowException) { throw Refuse(path, $"tensor '{tensor.Name}' claims the impossible shape {tensor.Dimensions}"); }
            if (tensor.End - tensor.Begin != expected) throw Refuse(path,
                $"tensor '{tensor.Name}' of shape {tensor.Dimensions} and dtype {tensor.Type} needs {expected:N0} bytes but has {tensor.End - tensor.Begin:N0}");
            (at, before) = (tensor.End, tensor);
        }
        if (at != dataBytes) throw Refuse(path, $"its tensors end at byte {at:N0} but the file has {dataBytes:N0} bytes of data");
    }

    internal static InvalidDataException Refuse(string path, string what) =>
        new($"'{path}' cannot be trusted: {what}. Copy the file again from where it was made.");
}
