using System.Text;
using System.Text.Json;

namespace Moss.Model.Text;

/// <summary>A tokenizer.json of byte-level BPE, read and checked; anything not understood is refused, never approximated.</summary>
internal sealed class TokenizerFile
{
    /// <summary>A token matched as a whole before any merging.</summary>
    public sealed record AddedToken(string Content, int Id, bool Special, bool Normalized);

    private const int MostTokens = 4_000_000; // far above every published vocabulary; keeps a bad id from claiming memory

    public required BytePairs Pairs { get; init; }
    public required SplitRule Split { get; init; }
    public required bool NormalizesToNfc { get; init; }
    public required IReadOnlyList<AddedToken> Added { get; init; }
    public required byte[]?[] Bytes { get; init; }

    public static TokenizerFile Read(string path)
    {
        if (!File.Exists(path)) throw new InvalidDataException(
            $"'{path}' does not exist. Without it text cannot become tokens; copy tokenizer.json from the checkpoint this one came from.");
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return Read(document.RootElement, path);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new InvalidDataException($"'{path}' is not a tokenizer.json this program can read: {e.Message} Copy it again from the original checkpoint.", e);
        }
    }

    private static TokenizerFile Read(JsonElement root, string path)
    {
        var model = root.GetProperty("model");
        RequireByteLevelBpe(model, path);

        var vocabulary = new Dictionary<string, int>();
        foreach (var entry in model.GetProperty("vocab").EnumerateObject())
            if (!vocabulary.TryAdd(entry.Name, Id(entry.Value, path))) throw Refuse(path, $"the vocabulary holds '{entry.Name}' twice");
        var added = ReadAdded(root, path);

        var bytes = new byte[]?[1 + Math.Max(vocabulary.Values.DefaultIfEmpty(-1).Max(), added.Select(t => t.Id).DefaultIfEmpty(-1).Max())];
        foreach (var (symbol, id) in vocabulary) bytes[id] = ByteSymbols.Decode(symbol) ?? Encoding.UTF8.GetBytes(symbol);
        foreach (var token in added) bytes[token.Id] = Encoding.UTF8.GetBytes(token.Content);

        var idOfByte = new int[256];
        for (var b = 0; b < 256; b++)
            idOfByte[b] = vocabulary.TryGetValue(ByteSymbols.Of((byte)b).ToString(), out var id) ? id
                : throw Refuse(path, $"the vocabulary has no symbol for byte 0x{b:X2}, so it is not byte-level");
        var whole = model.TryGetProperty("ignore_merges", out var ignore) && ignore.ValueKind == JsonValueKind.True ? vocabulary : null;
        return new TokenizerFile
        {
            Pairs = new BytePairs(idOfByte, ReadMerges(model, vocabulary, path), whole),
            Split = PreTokenizer.Read(root, path),
            NormalizesToNfc = ReadNormalizer(root, path),
            Added = added,
            Bytes = bytes,
        };
    }

    private static void RequireByteLevelBpe(JsonElement model, string path)
    {
        if (model.GetProperty("type").GetString() is var type && type != "BPE") throw Refuse(path, $"model type \"{type}\" is not supported; \"BPE\" is");
        foreach (var name in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
            if (model.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String && text.GetString() != "")
                throw Refuse(path, $"model {name} \"{text.GetString()}\" is not supported");
        if (model.TryGetProperty("byte_fallback", out var fallback) && fallback.ValueKind == JsonValueKind.True)
            throw Refuse(path, "byte_fallback (SentencePiece style) is not supported; byte-level BPE is");
        if (model.TryGetProperty("dropout", out var dropout) && dropout.ValueKind == JsonValueKind.Number && dropout.GetDouble() != 0)
            throw Refuse(path, $"dropout {dropout.GetRawText()} is not supported");
    }

    private static Dictionary<long, (int Rank, int Id)> ReadMerges(JsonElement model, Dictionary<string, int> vocabulary, string path)
    {
        var merges = new Dictionary<long, (int, int)>();
        var rank = 0;
        foreach (var merge in model.GetProperty("merges").EnumerateArray())
        {
            // Both spellings occur: "a b" and ["a", "b"].
            var parts = merge.ValueKind == JsonValueKind.Array
                ? [.. merge.EnumerateArray().Select(p => p.GetString()!)] : merge.GetString()!.Split(' ');
            if (parts is not [var left, var right]) throw Refuse(path, $"merge {rank} is {merge.GetRawText()}, expected two symbols");
            if (!vocabulary.TryGetValue(left, out var l) || !vocabulary.TryGetValue(right, out var r) || !vocabulary.TryGetValue(left + right, out var id))
                throw Refuse(path, $"merge {rank} ({left} + {right}) names a symbol that the vocabulary does not have");
            merges[BytePairs.Pair(l, r)] = (rank++, id);
        }
        return merges;
    }

    private static List<AddedToken> ReadAdded(JsonElement root, string path)
    {
        var added = new List<AddedToken>();
        if (!root.TryGetProperty("added_tokens", out var tokens) || tokens.ValueKind != JsonValueKind.Array) return added;
        foreach (var token in tokens.EnumerateArray())
        {
            var content = token.GetProperty("content").GetString();
            if (string.IsNullOrEmpty(content)) throw Refuse(path, "an added token is empty");
            foreach (var option in (string[])["lstrip", "rstrip", "single_word"])
                if (Flag(token, option)) throw Refuse(path, $"added token '{content}' asks for {option}, which is not supported");
            if (added.Any(t => t.Content == content)) throw Refuse(path, $"added token '{content}' is listed twice");
            added.Add(new(content, Id(token.GetProperty("id"), path), Flag(token, "special"), Flag(token, "normalized")));
        }
        return added;
    }

    private static bool ReadNormalizer(JsonElement root, string path)
    {
        if (!root.TryGetProperty("normalizer", out var normalizer) || normalizer.ValueKind == JsonValueKind.Null) return false;
        if (normalizer.GetProperty("type").GetString() is var type && type != "NFC")
            throw Refuse(path, $"normalizer \"{type}\" is not supported; NFC and none are");
        // Under invariant globalization Normalize silently does nothing.
        return "e\u0301".Normalize(NormalizationForm.FormC) == "\u00e9" ? true : throw new InvalidOperationException(
            "This process runs with invariant globalization, so text cannot be normalized. Unset DOTNET_SYSTEM_GLOBALIZATION_INVARIANT or install libicu.");
    }

    private static bool Flag(JsonElement token, string name) => token.TryGetProperty(name, out var flag) && flag.ValueKind == JsonValueKind.True;

    private static int Id(JsonElement value, string path) => value.TryGetInt32(out var id) && id is >= 0 and < MostTokens ? id
        : throw Refuse(path, $"token id {value.GetRawText()} is not a number from 0 to {MostTokens:N0}");

    internal static InvalidDataException Refuse(string path, string what) => new($"'{path}': {what}.");
}
