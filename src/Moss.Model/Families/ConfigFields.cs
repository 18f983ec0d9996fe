using System.Text.Json;

namespace Moss.Model.Families;

/// <summary>The fields of one config.json, asked for by name and type; every refusal names the file and the field.</summary>
internal sealed class ConfigFields(JsonElement root, string source)
{
    public string Source => source;

    public static ConfigFields Open(string path)
    {
        if (!File.Exists(path)) throw new InvalidDataException(
            $"'{path}' does not exist. A checkpoint folder needs config.json beside its weights; copy it from where the weights came from.");
        return Parse(File.ReadAllText(path), path);
    }

    public static ConfigFields Parse(string json, string source)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement.Clone();
            return root.ValueKind == JsonValueKind.Object ? new(root, source) : throw new InvalidDataException(
                $"'{source}' holds a JSON {root.ValueKind}, expected an object of model settings.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{source}' is not valid JSON: {e.Message} Copy it again from the original checkpoint.", e);
        }
    }

    public bool Has(string name) => Find(name) is not null;

    public int Int(string name) => OptionalInt(name) ?? throw Missing(name);

    public int Positive(string name)
    {
        var value = Int(name);
        return value > 0 ? value : throw Refuse($"{name} is {value}, expected a positive number");
    }

    public int? OptionalInt(string name) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } number when number.TryGetInt32(out var value) => value,
        { } other => throw Refuse($"{name} is {other.GetRawText()}, expected a whole number"),
    };

    public double? OptionalDouble(string name) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } number => number.GetDouble(),
        { } other => throw Refuse($"{name} is {other.GetRawText()}, expected a number"),
    };

    public double Double(string name) => OptionalDouble(name) ?? throw Missing(name);

    public bool Flag(string name, bool whenAbsent = false) => Find(name) switch
    {
        null => whenAbsent,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } other => throw Refuse($"{name} is {other.GetRawText()}, expected true or false"),
    };

    public string? Text(string name) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { } other => throw Refuse($"{name} is {other.GetRawText()}, expected a text"),
    };

    public IReadOnlyList<string> Texts(string name) => Find(name) is { } list
        ? [.. Elements(name, list).Select(e => e.ValueKind == JsonValueKind.String ? e.GetString()! : throw Refuse($"{name} must hold texts"))]
        : [];

    /// <summary>A token id, a list of them, or null: all three occur in published files.</summary>
    public IReadOnlyList<int> Ids(string name) => Find(name) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } list => [.. list.EnumerateArray().Select(e => Id(name, e))],
        { } one => [Id(name, one)],
    };

    public ConfigFields? Section(string name) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } section => new(section, $"{source}: {name}"),
        { } other => throw Refuse($"{name} is {other.GetRawText()}, expected an object or null"),
    };

    /// <summary>Every field, for sections whose names are data.</summary>
    public IEnumerable<(string Name, JsonElement Value)> All() => root.EnumerateObject().Select(p => (p.Name, p.Value));

    public InvalidDataException Refuse(string what) => new($"'{source}': {what}.");

    private InvalidDataException Missing(string name) => Refuse($"{name} is missing; the network cannot be built without it");

    // An explicit null means the same as an absent field in every published config.
    private JsonElement? Find(string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private JsonElement.ArrayEnumerator Elements(string name, JsonElement list) =>
        list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : throw Refuse($"{name} must be a list");

    private int Id(string name, JsonElement element) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out var id) && id >= 0
            ? id : throw Refuse($"{name} holds {element.GetRawText()}, expected a token id");
}
