using System.Globalization;
using System.Text.Json.Nodes;
using Moss.Data;

namespace Moss.Annotate.Features.Shared;

/// <summary>Numbers being typed, by their snake_case names; becomes a JSON object of those that differ from the defaults.</summary>
public sealed class NumbersDraft
{
    private readonly string _what;
    private readonly Dictionary<string, string> _defaults, _texts;

    /// <param name="what">How refusals call them: "sft setting".</param>
    /// <param name="defaults">JSON object of the defaults; a name that it lacks is empty by default.</param>
    public NumbersDraft(string what, IReadOnlyList<string> names, string defaults)
    {
        (_what, Names) = (what, names);
        var known = JsonNode.Parse(defaults)!.AsObject();
        _defaults = names.ToDictionary(n => n, n => known[n]?.ToJsonString() ?? "");
        _texts = new(_defaults);
    }

    public IReadOnlyList<string> Names { get; }

    public string this[string name]
    {
        get => _texts[name];
        set => _texts[name] = value.Trim();
    }

    public bool IsDefault(string name) => _texts[name] == _defaults[name];

    /// <summary>Takes the numbers of an object that has been checked; the others return to their defaults.</summary>
    public void Take(string json)
    {
        var given = JsonNode.Parse(json)!.AsObject();
        foreach (var name in Names) _texts[name] = given[name]?.ToJsonString() ?? _defaults[name];
    }

    /// <summary>What differs from the defaults. A text that is no number is refused by name.</summary>
    public string ToJson()
    {
        var json = new JsonObject();
        foreach (var name in Names)
        {
            if (IsDefault(name)) continue;
            if (_texts[name].Length == 0 && _defaults[name].Length > 0) throw new MossInputException($"The {_what} {name} is empty. Its default is {_defaults[name]}.");
            if (_texts[name].Length > 0) json[name] = Number(name);
        }
        return json.ToJsonString();
    }

    private JsonNode Number(string name)
    {
        var text = _texts[name];
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)) return whole;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)) return number;
        throw new MossInputException($"The {_what} {name} is '{text}', which is not a number. Write it with a point, such as 0.5 or 3e-4.");
    }

    /// <summary>"epochs 5 · batch_size 8": what an object of settings changes, for a line of a table.</summary>
    public static string Said(string json) =>
        string.Join(" · ", JsonNode.Parse(json)!.AsObject().Select(p => $"{p.Key} {p.Value}"));
}
