using System.Text.Json;

namespace Moss.Model.Text;

/// <summary>Recognises tokenizer.json's pre_tokenizer by exact text and gives the scanner that does the same.</summary>
internal static class PreTokenizer
{
    public const string QwenPattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string Llama3Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public static SplitRule Read(JsonElement root, string path)
    {
        if (!root.TryGetProperty("pre_tokenizer", out var outer) || outer.ValueKind == JsonValueKind.Null)
            throw TokenizerFile.Refuse(path, "pre_tokenizer is missing; byte-level BPE needs one");
        var steps = Type(outer) == "Sequence" ? [.. outer.GetProperty("pretokenizers").EnumerateArray()] : new[] { outer };
        foreach (var step in steps.Where(s => Type(s) == "ByteLevel"))
            if (TokenizerFile.Flag(step, "add_prefix_space"))
                throw TokenizerFile.Refuse(path, "pre_tokenizer add_prefix_space is not supported");

        return steps switch
        {
            [var bytes] when IsByteLevel(bytes, withRegex: true) => SplitRule.Gpt2,
            [var split, var bytes] when Type(split) == "Split" && IsByteLevel(bytes, withRegex: false) => ByPattern(split, path),
            [var digits, var bytes] when Type(digits) == "Digits" && TokenizerFile.Flag(digits, "individual_digits")
                && IsByteLevel(bytes, withRegex: true) => SplitRule.Gpt2Digits,
            _ => throw TokenizerFile.Refuse(path,
                $"pre_tokenizer {string.Join(" + ", steps.Select(Type))} is not one this program knows; " +
                "the splits of GPT-2, Qwen2, Llama 3 and SmolLM2 are"),
        };
    }

    private static SplitRule ByPattern(JsonElement split, string path)
    {
        if (split.GetProperty("behavior").GetString() != "Isolated" || TokenizerFile.Flag(split, "invert"))
            throw TokenizerFile.Refuse(path, "pre_tokenizer Split is supported only as Isolated and not inverted");
        var pattern = split.GetProperty("pattern").TryGetProperty("Regex", out var regex) ? regex.GetString() : null;
        return pattern switch
        {
            QwenPattern => SplitRule.Qwen,
            Llama3Pattern => SplitRule.Llama3,
            Gpt2Pattern => SplitRule.Gpt2,
            _ => throw TokenizerFile.Refuse(path,
                $"pre_tokenizer pattern {pattern ?? "(no Regex)"} is not one this program knows; " +
                "the patterns of GPT-2, Qwen2 and Llama 3 are"),
        };
    }

    private static string? Type(JsonElement step) => step.GetProperty("type").GetString();

    // use_regex is true when absent.
    private static bool IsByteLevel(JsonElement step, bool withRegex) =>
        Type(step) == "ByteLevel" && (TokenizerFile.Flag(step, "use_regex") || !step.TryGetProperty("use_regex", out _)) == withRegex;
}
