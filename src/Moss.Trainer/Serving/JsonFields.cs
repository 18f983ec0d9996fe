using System.Text.Json;

namespace Moss.Trainer.Serving;

/// <summary>The fields of one JSON object, each taken once by name and checked; what nobody took is refused by name.</summary>
/// <param name="element">The object.</param>
/// <param name="where">Its place in the request, empty for the request itself; part of every message.</param>
internal sealed class JsonFields(JsonElement element, string where)
{
    private readonly HashSet<string> _taken = [];

    private readonly JsonElement _element = element.ValueKind == JsonValueKind.Object ? element
        : throw ApiRefusal.Invalid(where, $"{(where.Length == 0 ? "The body" : $"'{where}'")} must be a JSON object.");

    /// <summary>The field's value; null when it is absent or null.</summary>
    public JsonElement? Take(string name)
    {
        _taken.Add(name);
        return _element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    public string? String(string name) => Take(name) is { } value ? Text(value, At(name)) : null;

    public bool? Boolean(string name) => Take(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => throw ApiRefusal.Invalid(At(name), $"'{At(name)}' must be true or false."),
    };

    public double? Number(string name, double min, double max)
    {
        if (Take(name) is not { } value) return null;
        // A number too large for a double reads as infinity, and no comparison holds for NaN: both end here.
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= min && number <= max
            ? number
            : throw ApiRefusal.Invalid(At(name), min > 0 && min < 1e-300
                ? $"'{At(name)}' must be a number above 0 and up to {max}."
                : $"'{At(name)}' must be a number from {min} to {max}.");
    }

    public long? Integer(string name, long min, long max)
    {
        if (Take(name) is not { } value) return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) && number >= min && number <= max
            ? number
            : throw ApiRefusal.Invalid(At(name), $"'{At(name)}' must be a whole number from {min} to {max}.");
    }

    public JsonElement? Array(string name) => Take(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Array ? value : throw ApiRefusal.Invalid(At(name), $"'{At(name)}' must be a list.");

    public JsonFields? Object(string name) => Take(name) is { } value ? new JsonFields(value, At(name)) : null;

    public void IgnoreIfBoolean(string name) => Boolean(name);

    /// <summary>A string that is text: JSON can carry half of a surrogate pair, and bytes that are not UTF-8; no tokenizer can read those.</summary>
    public static string Text(JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.String) throw ApiRefusal.Invalid(at, $"'{at}' must be a string.");
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw ApiRefusal.Invalid(at, $"'{at}' is not valid Unicode: it holds half of a surrogate pair or bytes that are not UTF-8.");
        }
    }

    public void RefuseTheRest()
    {
        foreach (var property in _element.EnumerateObject())
        {
            if (_taken.Contains(property.Name)) continue;
            var at = At(property.Name.Length <= 60 ? property.Name : property.Name[..60] + "…");
            throw new ApiRefusal(400, $"'{at}' is not a parameter that this server knows. Leave it out.", at, "unknown_parameter");
        }
    }

    private string At(string name) => where.Length == 0 ? name : $"{where}.{name}";
}
