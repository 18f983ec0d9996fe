using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace Moss.Data.Interchange;

/// <summary>One JSON value of a file: where it stands ("line 3" or "element 3") and its bytes, without line end and byte order mark.</summary>
internal readonly record struct JsonItem(string Where, ReadOnlyMemory<byte> Bytes, long EndsAt);

/// <summary>Reads a file piece by piece: JSON lines, one JSON array, or one JSON object over several lines.</summary>
internal static class JsonItems
{
    /// <summary>Longest line, array element or single object, bytes.</summary>
    private const int Longest = 256 << 20;

    private static readonly JsonSerializerOptions Elements = new() { MaxDepth = Importing.MaxDepth, AllowDuplicateProperties = false };

    public static async IAsyncEnumerable<JsonItem> ReadAsync(Stream file, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var (number, first) = (0, true);
        await foreach (var line in LinesAsync(file, cancellation))
        {
            number++;
            var bytes = number == 1 ? WithoutMark(line.Bytes) : line.Bytes;
            var start = bytes.Span.IndexOfAnyExcept(" \t"u8);
            if (start < 0) continue; // an empty line
            if (first && bytes.Span[start] == (byte)'[')
            {
                file.Position = 0;
                await foreach (var element in ElementsAsync(file, cancellation)) yield return element;
                yield break;
            }
            if (first && !IsWhole(bytes) && await OneObjectAsync(file, cancellation) is { } all)
            {
                yield return new("line 1", all, file.Length);
                yield break;
            }
            first = false;
            yield return new(FormattableString.Invariant($"line {number}"), bytes, line.EndsAt);
        }
    }

    /// <summary>False when more lines might complete the value; a whole line that is wrong for another reason stays a line.</summary>
    private static bool IsWhole(ReadOnlyMemory<byte> line)
    {
        var reader = new Utf8JsonReader(line.Span, isFinalBlock: false, default);
        try
        {
            while (reader.Read()) { }
            return reader.TokenType == JsonTokenType.EndObject && reader.CurrentDepth == 0;
        }
        catch (JsonException)
        {
            return true;
        }
    }

    /// <summary>The file's bytes if it is one object laid out over several lines; the file's position stays.</summary>
    private static async Task<ReadOnlyMemory<byte>?> OneObjectAsync(Stream file, CancellationToken cancellation)
    {
        if (file.Length > Longest) return null;
        var (all, position) = (new byte[file.Length], file.Position);
        file.Position = 0;
        await file.ReadExactlyAsync(all, cancellation);
        file.Position = position;
        var bytes = WithoutMark(all);
        try
        {
            using var _ = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = Importing.MaxDepth });
            return bytes;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static async IAsyncEnumerable<JsonItem> ElementsAsync(Stream file, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await using var elements = JsonSerializer.DeserializeAsyncEnumerable<JsonElement>(file, Elements, cancellation).GetAsyncEnumerator(cancellation);
        for (var number = 1; ; number++)
        {
            try
            {
                if (!await elements.MoveNextAsync()) yield break;
            }
            catch (JsonException e)
            {
                throw new ImportProblem(FormattableString.Invariant($"line {e.LineNumber + 1}"), $"the array is not JSON: {e.Message.Split(". Path:")[0].TrimEnd('.')}");
            }
            yield return new(FormattableString.Invariant($"element {number}"), Encoding.UTF8.GetBytes(elements.Current.GetRawText()), file.Position);
        }
    }

    private static async IAsyncEnumerable<(ReadOnlyMemory<byte> Bytes, long EndsAt)> LinesAsync(
        Stream file, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var buffer = new byte[1 << 20];
        var (held, begin, consumed) = (0, 0, 0L);
        while (true)
        {
            if (begin > 0)
            {
                Array.Copy(buffer, begin, buffer, 0, held -= begin);
                begin = 0;
            }
            if (held == buffer.Length)
            {
                if (buffer.Length >= Longest) throw new ImportProblem("file", $"a line is longer than {Longest:N0} bytes; this is not JSON lines");
                Array.Resize(ref buffer, buffer.Length * 2);
            }
            var read = await file.ReadAsync(buffer.AsMemory(held), cancellation);
            if (read == 0) break;
            var searchFrom = held;
            held += read;
            for (int end; (end = Array.IndexOf(buffer, (byte)'\n', searchFrom, held - searchFrom)) >= 0; searchFrom = begin)
            {
                consumed += end + 1 - begin;
                yield return (buffer.AsMemory(begin, end - begin).TrimEnd((byte)'\r'), consumed);
                begin = end + 1;
            }
        }
        if (held > begin) yield return (buffer.AsMemory(begin, held - begin).TrimEnd((byte)'\r'), consumed + held - begin);
    }

    private static ReadOnlyMemory<byte> WithoutMark(ReadOnlyMemory<byte> bytes) =>
        bytes.Span.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
}
