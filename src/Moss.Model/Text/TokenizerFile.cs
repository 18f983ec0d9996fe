using System.Text;
using System.Text.Json;

namespace Moss.Model.Text;

/// <summary>What a tokenizer's files say, checked; anything not understood is refused, never approximated.</summary>
internal sealed class TokenizerFile
{
    /// <summary>A token matched as a whole before any merging.</summary>
    public sealed record AddedToken(string Content, int Id, bool Special, bool Normalized);

    private const int MostTokens = 4_000_000; // far above every published vocabulary; keeps a bad id from claiming memory
    private const long MostBytes = 256L << 20; // of one file; the largest published is 33 MB

    public required BytePairs Pairs { get; init; }
    public required SplitRule Split { get; init; }
    public required bool NormalizesToNfc { get; init; }
    public required IReadOnlyList<AddedToken> Added { get; init; }

    /// <summary>What each id stands for; null where no token is.</summary>
    public required byte[]?[] Bytes { get; init; }

    /// <summary>Puts the parts together and checks that they fit each other.</summary>
    /// <param name="path">Named in refusals.</param>
    /// <param name="wholePieces">Take a piece that is in the vocabulary whole, whatever the merges say.</param>
    public static TokenizerFile Create(
        string path, Dictionary<string, int> vocabulary, IEnumerable<(string Left, string Right)> merges,
        IReadOnlyList<AddedToken> added, SplitRule split, bool nfc, bool wholePieces)
    {
        var idOfByte = new int[256];
        for (var b = 0; b < 256; b++)
            idOfByte[b] = vocabulary.TryGetValue(ByteSymbols.Of((byte)b).ToString(), out var id) ? id
                : throw Refuse(path, $"the vocabulary has no symbol for byte 0x{b:X2}, so it is not byte-level");
        return new TokenizerFile
        {
            Pairs = new BytePairs(idOfByte, ReadMerges(merges, vocabulary, path), wholePieces ? vocabulary : null),
            Split = split,
            NormalizesToNfc = nfc && RequireNormalization(),
            Added = added,
            Bytes = Meanings(path, vocabulary, added),
        };
    }

    private static byte[]?[] Meanings(string path, Dictionary<string, int> vocabulary, IReadOnlyList<AddedToken> added)
    {
        var bytes = new byte[]?[1 + Math.Max(vocabulary.Values.Max(), added.Select(t => t.Id).DefaultIfEmpty(-1).Max())];
        foreach (var (symbol, id) in vocabulary) Set(id, ByteSymbols.Decode(symbol) ?? Encoding.UTF8.GetBytes(symbol), symbol);
        var contents = new HashSet<string>();
        foreach (var token in added)
        {
            if (!contents.Add(token.Content)) throw Refuse(path, $"added token '{token.Content}' is listed twice");
            // Its spelling in the vocabulary may look like byte symbols.
            var own = vocabulary.TryGetValue(token.Content, out var id) && id == token.Id;
            if (own) bytes[token.Id] = null;
            Set(token.Id, Encoding.UTF8.GetBytes(token.Content), token.Content);
        }
        return bytes;

        void Set(int id, byte[] meaning, string name)
        {
            if (bytes[id] is { } other && !other.AsSpan().SequenceEqual(meaning))
                throw Refuse(path, $"id {id} stands for '{name}' and for '{Encoding.UTF8.GetString(other)}'");
            bytes[id] = meaning;
        }
    }

    private static MergeTable ReadMerges(
        IEnumerable<(string Left, string Right)> merges, Dictionary<string, int> vocabulary, string path)
    {
        var known = new List<(int, int, int)>();
        foreach (var (left, right) in merges)
            known.Add(vocabulary.TryGetValue(left, out var l) && vocabulary.TryGetValue(right, out var r)
                && vocabulary.TryGetValue(left + right, out var id) ? (l, r, id) : throw Refuse(
                    path, $"merge {known.Count} ({left} + {right}) names a symbol that the vocabulary does not have"));
        return new(known);
    }

    // Under invariant globalization Normalize silently does nothing.
    private static bool RequireNormalization() =>
        "e\u0301".Normalize(NormalizationForm.FormC) == "\u00e9" ? true : throw new InvalidOperationException(
            "This process runs with invariant globalization, so text cannot be normalized. " +
            "Unset DOTNET_SYSTEM_GLOBALIZATION_INVARIANT or install libicu.");

    /// <summary>
    /// Reads one JSON file and hands its root to <paramref name="read"/>; every way in which it can be wrong names the file.
    /// </summary>
    internal static T Json<T>(string path, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(Content(path));
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new InvalidDataException(
                $"'{path}' is not a {Path.GetFileName(path)} this program can read: {e.Message} " +
                "Copy it again from the original checkpoint.", e);
        }
    }

    internal static byte[] Content(string path)
    {
        if (!File.Exists(path)) throw new InvalidDataException(
            $"'{path}' does not exist. Without it text cannot become tokens; copy it from the checkpoint this one came from.");
        return new FileInfo(path).Length is var length && length <= MostBytes ? File.ReadAllBytes(path)
            : throw Refuse(path,
                $"it has {length:N0} bytes; at most {MostBytes:N0} are read. Copy it again from the original checkpoint");
    }

    /// <summary>An object of symbol → id, as a vocabulary is written.</summary>
    internal static Dictionary<string, int> ReadIds(JsonElement entries, string path)
    {
        var ids = new Dictionary<string, int>();
        foreach (var entry in entries.EnumerateObject())
            if (!ids.TryAdd(entry.Name, Id(entry.Value, path))) throw Refuse(path, $"the vocabulary holds '{entry.Name}' twice");
        return ids;
    }

    /// <summary>One entry of added_tokens or added_tokens_decoder.</summary>
    internal static AddedToken ReadAdded(JsonElement token, int id, string path)
    {
        var content = token.GetProperty("content").GetString();
        if (string.IsNullOrEmpty(content)) throw Refuse(path, "an added token is empty");
        foreach (var option in (string[])["lstrip", "rstrip", "single_word"])
            if (Flag(token, option)) throw Refuse(path, $"added token '{content}' asks for {option}, which is not supported");
        return new(content, id, Flag(token, "special"), Flag(token, "normalized"));
    }

    internal static bool Flag(JsonElement token, string name) =>
        token.TryGetProperty(name, out var flag) && flag.ValueKind == JsonValueKind.True;

    internal static int Id(JsonElement value, string path) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) && id is >= 0 and < MostTokens ? id
            : throw Refuse(path, $"token id {value.GetRawText()} is not a number from 0 to {MostTokens:N0}");

    internal static int Id(string text, string path) => int.TryParse(text, out var id) && id is >= 0 and < MostTokens
        ? id : throw Refuse(path, $"token id \"{text}\" is not a number from 0 to {MostTokens:N0}");

    internal static InvalidDataException Refuse(string path, string what) => new($"'{path}': {what}.");
}
