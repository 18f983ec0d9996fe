using System.Text.Json;
using System.Text.RegularExpressions;

namespace Moss.Data.AgentRuns;

public static partial class Checks
{
    private static string? Json(ScenarioCheck check, string text)
    {
        if (Parsed(text) is not { } document) return "it is not JSON, nor does it hold a single fenced block of it";
        if (At(document, check.JsonPointer) is not { } value) return $"it has nothing at '{check.JsonPointer}'";
        if (check.JsonType is { } type) return TypeOf(value, type) ? null : $"the value at '{check.JsonPointer}' is {value.ValueKind}, not {type}";
        using var expected = JsonDocument.Parse(check.JsonEquals!);
        return JsonElement.DeepEquals(value, expected.RootElement) ? null : $"the value at '{check.JsonPointer}' is not {check.JsonEquals}";
    }

    private static JsonElement? Parsed(string text)
    {
        var blocks = Fence().Matches(text);
        return TryParse(text) ?? (blocks.Count == 1 ? TryParse(blocks[0].Groups["body"].Value) : null);

        static JsonElement? TryParse(string json)
        {
            try
            {
                using var document = JsonDocument.Parse(json.Trim());
                return document.RootElement.Clone();
            }
            catch (JsonException)
            {
                return null; // an answer that is not JSON is an answer, not an accident
            }
        }
    }

    /// <summary>RFC 6901.</summary>
    private static JsonElement? At(JsonElement value, string pointer)
    {
        foreach (var raw in pointer.Split('/').Skip(1))
        {
            var token = raw.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty(token, out var member)) value = member;
            else if (value.ValueKind == JsonValueKind.Array && Index().IsMatch(token) && int.TryParse(token, out var i) && i < value.GetArrayLength()) value = value[i];
            else return null;
        }
        return value;
    }

    private static bool TypeOf(JsonElement value, string type) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && double.IsInteger(value.GetDouble()),
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        _ => value.ValueKind == JsonValueKind.Null,
    };

    [GeneratedRegex(@"^[ \t]*```[^\n`]*\n(?<body>.*?)^[ \t]*```[ \t]*$", System.Text.RegularExpressions.RegexOptions.Multiline | System.Text.RegularExpressions.RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex("^(0|[1-9][0-9]*)$")]
    private static partial Regex Index();
}
