using System.Text.RegularExpressions;

namespace Moss.Data.AgentRuns;

/// <summary>Reads one entry of `expect`; a field that its kind does not have is refused.</summary>
internal static class ScenarioChecks
{
    private static readonly Dictionary<string, CheckKind> Kinds = ScenarioCheck.Names.ToDictionary(n => n.Value, n => n.Key);

    public static (ScenarioCheck Value, object? Canonical) Read(YamlNode node)
    {
        var fields = new ScenarioFields(node, "a check");
        var name = fields.OneOf("check", [.. Kinds.Keys]) ?? throw fields.Error($"a check names its kind: `check: {string.Join(" | ", Kinds.Keys)}`.");
        var check = new ScenarioCheck(Kinds[name])
        {
            Id = fields.Text("id"),
            Required = fields.Boolean("required") ?? true,
            Fold = fields.OneOf("fold", "none", "nfkc", "nfkc_casefold") switch
            {
                "none" => Fold.None,
                "nfkc" => Fold.Nfkc,
                "nfkc_casefold" => Fold.NfkcCasefold,
                _ => null,
            },
        };
        check = OfKind(check, fields);
        fields.End();
        return (check, fields.Canonical);
    }

    private static ScenarioCheck OfKind(ScenarioCheck check, ScenarioFields fields) => check.Kind switch
    {
        CheckKind.Equals or CheckKind.Contains or CheckKind.NotContains => check with { AnyOf = ValueOrAnyOf(fields) },
        CheckKind.Regex => check with { Pattern = Pattern(fields) },
        CheckKind.Numeric => check with
        {
            Number = fields.Number("value") ?? throw fields.Error("numeric needs 'value', the number that is expected."),
            Tolerance = fields.Number("tolerance", 0) ?? 0,
            Pick = fields.OneOf("pick", "only", "first", "last") ?? "only",
        },
        CheckKind.Json => Json(check, fields),
        CheckKind.Sorted => Sorted(check, fields),
        CheckKind.MinChars or CheckKind.MaxChars => check with
        {
            Number = fields.Integer("value", 0, 1 << 20) ?? throw fields.Error("this check needs 'value', a number of characters."),
        },
        _ => check with { Language = Language(fields) },
    };

    private static IReadOnlyList<string> ValueOrAnyOf(ScenarioFields fields)
    {
        if (fields.Has("value") == fields.Has("any_of")) throw fields.Error("this check needs either 'value' or 'any_of', and not both.");
        var values = fields.Has("value") ? [fields.RequireText("value")] : fields.Texts("any_of")!;
        return values.Count > 0 && values.All(v => v.Length > 0) ? values : throw fields.Error("'any_of' needs at least one text, and no empty one.");
    }

    private static string Pattern(ScenarioFields fields)
    {
        var pattern = fields.RequireText("pattern");
        try
        {
            _ = new Regex(pattern, Checks.RegexOptions, Checks.RegexTimeout);
            return pattern;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw fields.Error($"the pattern '{pattern}' cannot be used: {e.Message} Patterns run without backtracking, so no look-around and no back-references.");
        }
    }

    private static ScenarioCheck Json(ScenarioCheck check, ScenarioFields fields)
    {
        var pointer = fields.Text("pointer") ?? "";
        if (pointer is not ("" or ['/', ..])) throw fields.Error($"the pointer '{pointer}' must be empty or begin with '/' (RFC 6901).");
        if (fields.Has("equals") == fields.Has("type")) throw fields.Error("json needs either 'equals' or 'type', and not both.");
        if (fields.Take("equals") is { } node)
        {
            fields.Canonical["equals"] = ScenarioFields.AsAny(node);
            return check with { JsonPointer = pointer, JsonEquals = CanonicalJson.Write(fields.Canonical["equals"]) };
        }
        return check with { JsonPointer = pointer, JsonType = fields.OneOf("type", "object", "array", "string", "number", "integer", "boolean", "null") };
    }

    private static ScenarioCheck Sorted(ScenarioCheck check, ScenarioFields fields)
    {
        var sorted = check with
        {
            Items = fields.OneOf("items", "lines", "json", "commas") ?? throw fields.Error("sorted needs 'items': lines, json or commas."),
            ByNumber = (fields.OneOf("by", "number", "ordinal") ?? throw fields.Error("sorted needs 'by': number or ordinal.")) == "number",
            Descending = fields.OneOf("order", "asc", "desc") == "desc",
            SameItemsAs = fields.Texts("same_items_as"),
        };
        if (sorted is { ByNumber: true, SameItemsAs: { } items })
        {
            if (items.FirstOrDefault(i => Checks.Number(i) is null) is { } text) throw fields.Error($"'{text}' in 'same_items_as' is not a number.");
            fields.Canonical["same_items_as"] = items.Select(i => (object?)Checks.Number(i)!.Value).ToList();
        }
        return sorted;
    }

    private static string Language(ScenarioFields fields)
    {
        var language = fields.RequireText("value");
        return Scripts.Knows(language) ? language
            : throw fields.Error($"the language '{language}' has no known script here. Known: {string.Join(", ", Scripts.Known)}.");
    }
}
