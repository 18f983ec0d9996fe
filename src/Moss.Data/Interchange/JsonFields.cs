using System.Text.Json;
using Moss.Data.Conversations;

namespace Moss.Data.Interchange;

/// <summary>Reads fields of a JSON element by name, and says exactly which one is not as it should be.</summary>
internal static class JsonFields
{
    /// <summary>Refuses keys that the format does not have: what is not understood is not lost silently.</summary>
    public static void Know(this JsonElement element, string at, params ReadOnlySpan<string> known)
    {
        Is(element, JsonValueKind.Object, at);
        foreach (var property in element.EnumerateObject())
            if (!known.Contains(property.Name))
                throw new ImportProblem(Path(at, property.Name), $"this key is not part of the format. Known here: {string.Join(", ", known.ToArray())}");
    }

    public static JsonElement Required(this JsonElement element, string at, string name, JsonValueKind kind)
    {
        if (!element.TryGetProperty(name, out var value)) throw new ImportProblem(Path(at, name), $"missing; expected {Word(kind)}");
        Is(value, kind, Path(at, name));
        return value;
    }

    /// <summary>The value when it is there and not null.</summary>
    public static JsonElement? Optional(this JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind is not JsonValueKind.Null ? value : null;

    /// <summary>The text of a string that can be stored.</summary>
    public static string Text(this JsonElement value, string at)
    {
        Is(value, JsonValueKind.String, at);
        string text;
        try
        {
            text = value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new ImportProblem(at, "contains half of a surrogate pair (a \\ud800 to \\udfff escape on its own), which is not text");
        }
        return MessageText.Problem(text) is { } problem ? throw new ImportProblem(at, problem.TrimEnd('.')) : text;
    }

    public static string RequiredText(this JsonElement element, string at, string name) =>
        element.Required(at, name, JsonValueKind.String).Text(Path(at, name));

    public static void Is(JsonElement value, JsonValueKind kind, string at)
    {
        if (value.ValueKind != kind) throw new ImportProblem(at, $"expected {Word(kind)}, found {Word(value.ValueKind)}");
    }

    public static string Path(string at, string name) => at.Length == 0 ? name : $"{at}.{name}";

    private static string Word(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };
}
