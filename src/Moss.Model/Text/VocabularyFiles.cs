using System.Text;
using System.Text.Json;

namespace Moss.Model.Text;

/// <summary>
/// Reads a tokenizer kept as vocab.json and merges.txt, with added_tokens.json, special_tokens_map.json and
/// tokenizer_config.json where they are.
/// </summary>
/// <remarks>The form MOSS-003 was published in. These files do not say how text is split: the tokenizer's class or the model's
/// type does.</remarks>
internal static class VocabularyFiles
{
    private const string Vocabulary = "vocab.json", MergeList = "merges.txt";
    private static readonly string[] SpecialRoles =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token", "additional_special_tokens"];

    public static bool AreIn(string folder) =>
        File.Exists(Path.Combine(folder, Vocabulary)) && File.Exists(Path.Combine(folder, MergeList));

    public static TokenizerFile Read(string folder)
    {
        string In(string file) => Path.Combine(folder, file);
        var vocabulary = TokenizerFile.Json(In(Vocabulary), root => TokenizerFile.ReadIds(root, In(Vocabulary)));
        var added = Added(folder, vocabulary);
        var qwen = SplitsAsQwen(folder, added);
        var split = qwen ? SplitRule.Qwen : SplitRule.Gpt2;
        var merges = Merges(In(MergeList));
        return TokenizerFile.Create(In(MergeList), vocabulary, merges, added, split, nfc: qwen, wholePieces: false);
    }

    private static IEnumerable<(string, string)> Merges(string path)
    {
        var strict = new UTF8Encoding(false, throwOnInvalidBytes: true);
        using var lines = new StreamReader(new MemoryStream(TokenizerFile.Content(path)), strict);
        for (var number = 1; Line() is { } line; number++)
        {
            if (line.Length == 0 || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal))) continue;
            if (line.Split(' ') is not [{ Length: > 0 } left, { Length: > 0 } right])
                throw TokenizerFile.Refuse(path, $"line {number} is {JsonSerializer.Serialize(line[..Math.Min(40, line.Length)])}, " +
                    "expected two symbols with a space between");
            yield return (left, right);
        }

        string? Line()
        {
            try
            {
                return lines.ReadLine();
            }
            catch (DecoderFallbackException e)
            {
                throw new InvalidDataException($"'{path}': it is not UTF-8. Copy it again from the original checkpoint.", e);
            }
        }
    }

    private static List<TokenizerFile.AddedToken> Added(string folder, Dictionary<string, int> vocabulary)
    {
        string In(string file) => Path.Combine(folder, file);
        var ids = Optional(In("added_tokens.json"), root => TokenizerFile.ReadIds(root, In("added_tokens.json"))) ?? [];
        if (ids.ContainsKey("")) throw TokenizerFile.Refuse(In("added_tokens.json"), "an added token is empty");
        var tokens = ids.ToDictionary(t => t.Key, t =>
            new TokenizerFile.AddedToken(t.Key, t.Value, Special: MossDialect.Closers.Contains(t.Key), Normalized: false));

        var config = In("tokenizer_config.json");
        foreach (var token in Optional(config, root => Decoder(root, config)) ?? [])
            if (tokens.TryGetValue(token.Content, out var other) && other.Id != token.Id)
                throw TokenizerFile.Refuse(config,
                    $"added token '{token.Content}' has id {token.Id} here and {other.Id} in added_tokens.json");
            else tokens[token.Content] = token with { Normalized = false };

        // Tokens with a role are control tokens, even where the vocabulary lists them among the words, as GPT-2's does.
        List<string> named = [MossDialect.EndOfText,
            .. new[] { In("special_tokens_map.json"), config }.SelectMany(file => Optional(file, Named) ?? [])];
        foreach (var name in named)
            if (tokens.TryGetValue(name, out var token)) tokens[name] = token with { Special = true };
            else if (vocabulary.TryGetValue(name, out var id)) tokens[name] = new(name, id, true, false);
        return [.. tokens.Values];
    }

    private static List<TokenizerFile.AddedToken> Decoder(JsonElement config, string path) =>
        config.TryGetProperty("added_tokens_decoder", out var decoder) && decoder.ValueKind == JsonValueKind.Object
            ? [.. decoder.EnumerateObject().Select(t =>
                TokenizerFile.ReadAdded(t.Value, TokenizerFile.Id(t.Name, path), path))] : [];

    private static List<string> Named(JsonElement map)
    {
        var names = new List<string>();
        foreach (var role in SpecialRoles)
            if (map.TryGetProperty(role, out var value))
                foreach (var one in value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : new[] { value })
                    if ((one.ValueKind == JsonValueKind.Object ? one.GetProperty("content") : one)
                        is { ValueKind: JsonValueKind.String } text && text.GetString() is { Length: > 0 } name) names.Add(name);
        return names;
    }

    private static bool SplitsAsQwen(string folder, List<TokenizerFile.AddedToken> added)
    {
        var config = Path.Combine(folder, "tokenizer_config.json");
        if (Optional(config, root => TokenizerFile.Flag(root, "add_prefix_space") ? "yes" : null) is not null)
            throw TokenizerFile.Refuse(config, "add_prefix_space is not supported");
        if (Optional(config, root => Text(root, "tokenizer_class")) is { } name)
            return name.EndsWith("Fast", StringComparison.Ordinal) ? Known(name[..^4]) : Known(name);
        if (Optional(Path.Combine(folder, "config.json"), root => Text(root, "model_type")) is { } type) return Known(type);
        if (MossDialect.Closers.All(closer => added.Any(t => t.Content == closer))) return false;
        throw TokenizerFile.Refuse(folder, "vocab.json and merges.txt do not say how text is split. " +
            "Add tokenizer_config.json with its tokenizer_class, or config.json with its model_type, " +
            "from the original checkpoint");

        bool Known(string what) => what switch
        {
            "GPT2Tokenizer" or "CodeGenTokenizer" or "MossTokenizer" or "gpt2" or "gptj" or "codegen" or "moss" => false,
            "Qwen2Tokenizer" or "qwen2" or "qwen3" => true,
            _ => throw TokenizerFile.Refuse(folder, $"how \"{what}\" splits text is not known for vocab.json and merges.txt; " +
                "GPT2Tokenizer, CodeGenTokenizer, MossTokenizer and Qwen2Tokenizer are. Bring a tokenizer.json"),
        };
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;

    private static T? Optional<T>(string path, Func<JsonElement, T?> read) where T : class =>
        File.Exists(path) ? TokenizerFile.Json(path, root => root.ValueKind == JsonValueKind.Object ? read(root)
            : throw TokenizerFile.Refuse(path, $"it holds a JSON {root.ValueKind}, expected an object")) : null;
}
