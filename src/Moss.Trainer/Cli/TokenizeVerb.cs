using System.CommandLine;
using System.Text.Json;
using Moss.Model.Text;

namespace Moss.Trainer.Cli;

internal static class TokenizeVerb
{
    private const int MismatchesShown = 5;

    public static Command Create()
    {
        var folder = new Argument<string>("DIR") { Description = "A folder with tokenizer.json." };
        var file = new Argument<string>("FILE") { Description = "JSON lines with \"text\", and \"ids\" to compare with where given." };
        var plain = new Option<bool>("--plain") { Description = "Control tokens in the text stay ordinary characters, as in what people write." };
        var json = new Option<bool>("--json") { Description = "One JSON object per line." };
        return new Command("tokenize", "Token ids of each text of a file; counts those that differ from the ids it states.") { folder, file, plain, json }
            .Does((parsed, cancellation) => RunAsync(
                parsed.GetRequiredValue(folder), parsed.GetRequiredValue(file), parsed.GetValue(plain), parsed.GetValue(json), cancellation));
    }

    private static async Task<int> RunAsync(string folder, string file, bool plain, bool json, CancellationToken cancellation)
    {
        var tokenizer = Tokenizer.Load(folder);
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        var (line, texts, compared, mismatches) = (0, 0, 0, 0);
        await foreach (var row in File.ReadLinesAsync(file, cancellation))
        {
            line++;
            if (string.IsNullOrWhiteSpace(row) || Parse(row, file, line, name) is not var (text, expected)) continue;
            texts++;
            var ids = plain ? tokenizer.Encode(text) : tokenizer.EncodeWithSpecials(text);
            if (expected is null)
            {
                Console.WriteLine(json ? JsonSerializer.Serialize(new { line, ids }) : $"[{string.Join(", ", ids)}]");
                continue;
            }
            compared++;
            if (ids.SequenceEqual(expected)) continue;
            if (++mismatches <= MismatchesShown)
                await Console.Error.WriteLineAsync(
                    $"{file}, line {line}: [{string.Join(", ", ids)}] where [{string.Join(", ", expected)}] is stated, for {JsonSerializer.Serialize(text)}");
        }
        Console.WriteLine(json
            ? JsonSerializer.Serialize(new { texts, compared, mismatches })
            : $"{texts:N0} texts, {compared:N0} compared, {mismatches:N0} mismatches");
        return mismatches == 0 ? 0 : 1;
    }

    /// <returns>Null for a row that belongs to another tokenizer.</returns>
    private static (string Text, int[]? Ids)? Parse(string row, string file, int line, string name)
    {
        try
        {
            using var document = JsonDocument.Parse(row);
            var fields = document.RootElement;
            if (fields.TryGetProperty("tokenizer", out var owner) && owner.GetString() != name) return null;
            var ids = fields.TryGetProperty("ids", out var stated) ? stated.EnumerateArray().Select(id => id.GetInt32()).ToArray() : null;
            return (fields.GetProperty("text").GetString() ?? throw new KeyNotFoundException("'text' is null."), ids);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException(
                $"{file}, line {line}: {e.Message} Expected {{\"text\": \"…\"}}, with \"ids\": [whole numbers] where there is something to compare.", e);
        }
    }
}
