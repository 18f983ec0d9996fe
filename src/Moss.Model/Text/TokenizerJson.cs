using System.Text.Json;

namespace Moss.Model.Text;

/// <summary>Reads tokenizer.json, the one file that says everything about a tokenizer.</summary>
internal static class TokenizerJson
{
    public const string FileName = "tokenizer.json";

    public static TokenizerFile Read(string path) => TokenizerFile.Json(path, root => Read(root, path));

    private static TokenizerFile Read(JsonElement root, string path)
    {
        var model = root.GetProperty("model");
        RequireByteLevelBpe(model, path);
        CheckPostProcessor(root, path);
        return TokenizerFile.Create(
            path, TokenizerFile.ReadIds(model.GetProperty("vocab"), path), Merges(model, path), Added(root, path),
            PreTokenizer.Read(root, path), NormalizesToNfc(root, path), TokenizerFile.Flag(model, "ignore_merges"));
    }

    private static void RequireByteLevelBpe(JsonElement model, string path)
    {
        if (model.GetProperty("type").GetString() is var type && type != "BPE")
            throw TokenizerFile.Refuse(path, $"model type \"{type}\" is not supported; \"BPE\" is");
        foreach (var name in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
            if (model.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String && text.GetString() != "")
                throw TokenizerFile.Refuse(path, $"model {name} \"{text.GetString()}\" is not supported");
        if (TokenizerFile.Flag(model, "byte_fallback"))
            throw TokenizerFile.Refuse(path, "byte_fallback (SentencePiece style) is not supported; byte-level BPE is");
        if (model.TryGetProperty("dropout", out var dropout) && dropout is { ValueKind: JsonValueKind.Number }
            && dropout.GetDouble() != 0)
            throw TokenizerFile.Refuse(path, $"dropout {dropout.GetRawText()} is not supported");
    }

    // Tokens that TemplateProcessing puts around a text (Llama's <|begin_of_text|>) are not put there by this class:
    // the chat template spells them, and doing both would give two.
    private static void CheckPostProcessor(JsonElement root, string path)
    {
        if (!root.TryGetProperty("post_processor", out var outer) || outer.ValueKind == JsonValueKind.Null) return;
        var steps = outer.GetProperty("type").GetString() == "Sequence"
            ? [.. outer.GetProperty("processors").EnumerateArray()] : new[] { outer };
        foreach (var step in steps)
            if (step.GetProperty("type").GetString() is var type && type is not ("ByteLevel" or "TemplateProcessing"))
                throw TokenizerFile.Refuse(path,
                    $"post_processor \"{type}\" is not supported; ByteLevel, TemplateProcessing and none are");
    }

    private static IEnumerable<(string, string)> Merges(JsonElement model, string path)
    {
        var rank = 0;
        foreach (var merge in model.GetProperty("merges").EnumerateArray())
        {
            // Both spellings occur: "a b" and ["a", "b"].
            var parts = merge.ValueKind == JsonValueKind.Array
                ? [.. merge.EnumerateArray().Select(p => p.GetString()!)] : merge.GetString()!.Split(' ');
            if (parts is not [{ } left, { } right])
                throw TokenizerFile.Refuse(path, $"merge {rank} is {merge.GetRawText()}, expected two symbols");
            rank++;
            yield return (left, right);
        }
    }

    private static List<TokenizerFile.AddedToken> Added(JsonElement root, string path) =>
        !root.TryGetProperty("added_tokens", out var tokens) || tokens.ValueKind != JsonValueKind.Array ? []
            : [.. tokens.EnumerateArray().Select(token =>
                TokenizerFile.ReadAdded(token, TokenizerFile.Id(token.GetProperty("id"), path), path))];

    private static bool NormalizesToNfc(JsonElement root, string path)
    {
        if (!root.TryGetProperty("normalizer", out var normalizer) || normalizer.ValueKind == JsonValueKind.Null) return false;
        return normalizer.GetProperty("type").GetString() is var type && type == "NFC" ? true
            : throw TokenizerFile.Refuse(path, $"normalizer \"{type}\" is not supported; NFC and none are");
    }
}
