using System.Globalization;
using System.Text.RegularExpressions;

namespace Moss.Data.AgentRuns;

/// <summary>Takes the fields of one map by the schema's types, and remembers them as the map's canonical JSON. What is left over is an error.</summary>
internal sealed class ScenarioFields
{
    private readonly YamlMap _map;
    private readonly string _what;
    private readonly Dictionary<string, (YamlScalar Key, YamlNode Value)> _left;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    /// <summary>What was read, in the types of the schema.</summary>
    public Dictionary<string, object?> Canonical { get; } = new(StringComparer.Ordinal);

    /// <param name="what">How errors call this map, "a turn".</param>
    public ScenarioFields(YamlNode node, string what)
    {
        _map = node as YamlMap ?? throw node.Error($"{what} must be a map of keys and values.");
        _what = what;
        _left = _map.Entries.ToDictionary(e => e.Key.Text, e => e, StringComparer.Ordinal);
    }

    public MossInputException Error(string sentence) => _map.Error(sentence);

    /// <summary>Refuses a key that the format has and this program does not carry out.</summary>
    public void NotYet(string key, string instead)
    {
        if (_left.TryGetValue(key, out var entry))
            throw entry.Key.Error($"'{key}' in {_what} is not carried out here: only scripted scenarios are. {instead}");
    }

    public bool Has(string key) => _left.ContainsKey(key);

    public YamlNode? Take(string key)
    {
        _known.Add(key);
        return _left.Remove(key, out var entry) ? entry.Value : null;
    }

    public YamlNode Require(string key) => Take(key) ?? throw _map.Error($"{_what} has no '{key}', which is required.");

    public string? Text(string key) => Take(key) is { } node ? Keep(key, AsText(node, key)) : null;

    public string RequireText(string key)
    {
        var node = Require(key);
        var text = AsText(node, key);
        return text.Length > 0 ? Keep(key, text) : throw node.Error($"'{key}' is empty.");
    }

    public string? OneOf(string key, params string[] values)
    {
        if (Take(key) is not { } node) return null;
        var text = AsText(node, key);
        return values.Contains(text) ? Keep(key, text)
            : throw node.Error($"'{key}' is '{text}'; it must be one of {string.Join(", ", values)}.");
    }

    public long? Integer(string key, long min, long max)
    {
        if (Take(key) is not { } node) return null;
        if (node is not YamlScalar { Plain: true } scalar
            || !long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            throw node.Error($"'{key}' must be a whole number.");
        if (number < min || number > max) throw node.Error($"'{key}' is {number}; it must be from {min} to {max}.");
        Canonical[key] = number;
        return number;
    }

    public double? Number(string key, double min = double.MinValue, double max = double.MaxValue)
    {
        if (Take(key) is not { } node) return null;
        if (node is not YamlScalar { Plain: true } scalar
            || !double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) || !double.IsFinite(number))
            throw node.Error($"'{key}' must be a number.");
        if (number < min || number > max)
            throw node.Error(string.Create(CultureInfo.InvariantCulture, $"'{key}' is {number}; it must be from {min} to {max}."));
        Canonical[key] = number;
        return number;
    }

    public bool? Boolean(string key)
    {
        if (Take(key) is not { } node) return null;
        if (node is not YamlScalar { Plain: true, Text: "true" or "false" } scalar) throw node.Error($"'{key}' must be true or false.");
        Canonical[key] = scalar.Text == "true";
        return scalar.Text == "true";
    }

    public IReadOnlyList<string>? Texts(string key)
    {
        if (Take(key) is not { } node) return null;
        if (node is not YamlList list) throw node.Error($"'{key}' must be a list.");
        var texts = list.Items.ConvertAll(item => AsText(item, key));
        Canonical[key] = texts;
        return texts;
    }

    /// <summary>Reads the items of a list with <paramref name="read"/>, which returns each item's value and canonical form.</summary>
    public IReadOnlyList<T> Items<T>(string key, Func<YamlNode, (T Value, object? Canonical)> read)
    {
        if (Take(key) is not { } node) return [];
        if (node is not YamlList list) throw node.Error($"'{key}' must be a list.");
        var items = list.Items.ConvertAll(item => read(item));
        Canonical[key] = items.ConvertAll(item => item.Canonical);
        return items.ConvertAll(item => item.Value);
    }

    public void End()
    {
        if (_left.Values.OrderBy(e => e.Key.Line).FirstOrDefault() is { Key: { } key })
            throw key.Error($"the key '{key.Text}' is unknown in {_what}. Known here: {string.Join(", ", _known.Order(StringComparer.Ordinal))}.");
    }

    /// <summary>A scalar of no fixed type, by YAML's core schema: plain null, true, 1, 1e3 are what they look like; anything else is text.</summary>
    public static object? AsAny(YamlNode node) => node switch
    {
        YamlScalar { Plain: false } quoted => quoted.Text,
        YamlScalar { Text: "" or "~" or "null" } => null,
        YamlScalar { Text: "true" } => true,
        YamlScalar { Text: "false" } => false,
        YamlScalar s when long.TryParse(s.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => whole,
        YamlScalar s when Regex.IsMatch(s.Text, @"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", RegexOptions.CultureInvariant)
            => double.Parse(s.Text, CultureInfo.InvariantCulture),
        YamlScalar s => s.Text,
        YamlList list => list.Items.ConvertAll(AsAny),
        YamlMap map => map.Entries.ToDictionary(e => e.Key.Text, e => AsAny(e.Value)),
        _ => throw node.Error("this value has no JSON form."),
    };

    private static string AsText(YamlNode node, string key) =>
        node is YamlScalar scalar ? scalar.Text : throw node.Error($"'{key}' must be text.");

    private string Keep(string key, string text)
    {
        Canonical[key] = text;
        return text;
    }
}
