using System.Runtime.CompilerServices;
using System.Text.Json;
using Moss.Model.Text;

namespace Moss.Trainer.Cli;

/// <summary>One thing to tokenize: a text, with the ids it is said to have, or a conversation.</summary>
/// <param name="Where">File and line, for messages.</param>
internal sealed record TokenizeInput(string Where, int Line, string? Text, int[]? Ids, IReadOnlyList<ChatTurn>? Turns)
{
    /// <summary>
    /// Rows of a .jsonl file, or of one .json document: an object or an array of them. Rows of another tokenizer are left out.
    /// </summary>
    /// <param name="tokenizer">Name of the folder; a row with a "tokenizer" field must name it.</param>
    public static async IAsyncEnumerable<TokenizeInput> ReadAsync(
        string file, string tokenizer, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var number = 0;
        if (Path.GetExtension(file) == ".json")
        {
            var rows = Parse(file, file, await File.ReadAllTextAsync(file, cancellation), root => root.ValueKind == JsonValueKind.Array
                ? root.EnumerateArray().Select(e => e.GetRawText()).ToList() : [root.GetRawText()]);
            foreach (var row in rows)
                if (Read($"{file}, conversation {++number}", number, row, tokenizer) is { } input) yield return input;
            yield break;
        }
        await foreach (var row in File.ReadLinesAsync(file, cancellation))
        {
            number++;
            if (string.IsNullOrWhiteSpace(row)) continue;
            if (Read($"{file}, line {number}", number, row, tokenizer) is { } input) yield return input;
        }
    }

    private static TokenizeInput? Read(string where, int line, string row, string tokenizer) => Parse(where, row, row, fields =>
    {
        if (fields.TryGetProperty("tokenizer", out var owner) && owner.GetString() != tokenizer) return null;
        if (fields.TryGetProperty("messages", out var messages))
            return new TokenizeInput(where, line, null, null, [.. messages.EnumerateArray().Select(Message)]);
        if (fields.TryGetProperty("chat", out var chat))
            return new TokenizeInput(where, line, null, null, [new(ChatTurn.System, Required(fields, "meta_instruction")),
                .. chat.EnumerateObject().SelectMany(t => Exchange(t.Value))]);
        var ids = fields.TryGetProperty("ids", out var stated)
            ? stated.EnumerateArray().Select(id => id.GetInt32()).ToArray() : null;
        return new TokenizeInput(where, line, Required(fields, "text"), ids, null);
    });

    private static ChatTurn Message(JsonElement message) => new(Required(message, "role"), Required(message, "content"))
    {
        Thoughts = Optional(message, "thoughts"),
        Commands = Optional(message, "commands"),
        Results = Optional(message, "results"),
    };

    // As MOSS's own files: each part with its opener and closer.
    private static IEnumerable<ChatTurn> Exchange(JsonElement turn)
    {
        yield return new(ChatTurn.User, Unwrapped(Required(turn, "Human"), "<|Human|>: ", "<eoh>\n"));
        yield return new(ChatTurn.Assistant, Unwrapped(Required(turn, "MOSS"), "<|MOSS|>: ", "<eom>\n"))
        {
            Thoughts = Optional(turn, "Inner Thoughts"),
            Commands = Optional(turn, "Commands"),
            Results = Optional(turn, "Tool Responses") ?? Optional(turn, "Results"),
        };
    }

    private static string Unwrapped(string segment, string opener, string closer) =>
        segment.Length >= opener.Length + closer.Length && segment.StartsWith(opener, StringComparison.Ordinal)
        && segment.EndsWith(closer, StringComparison.Ordinal) ? segment[opener.Length..^closer.Length]
        : throw new FormatException(
            $"A segment is expected to begin with \"{opener}\" and to end with \"{closer.TrimEnd('\n')}\" and a newline.");

    private static string Required(JsonElement fields, string name) =>
        fields.GetProperty(name).GetString() ?? throw new KeyNotFoundException($"'{name}' is null.");

    private static string? Optional(JsonElement fields, string name) =>
        fields.TryGetProperty(name, out var text) ? text.GetString() : null;

    private static T Parse<T>(string where, string shown, string json, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException(
                $"{where}: {e.Message} Expected {{\"text\": \"…\"}}, with \"ids\": [whole numbers] where there is something to " +
                $"compare, or a conversation: {{\"messages\": [{{\"role\", \"content\"}}]}} or MOSS's " +
                $"{{\"meta_instruction\", \"chat\"}}. Found: {shown[..Math.Min(60, shown.Length)]}", e);
        }
    }
}
