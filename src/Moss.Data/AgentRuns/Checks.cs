using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Moss.Data.AgentRuns;

/// <summary>What one check found in one reply. <paramref name="Why"/> says what failed, in words.</summary>
public sealed record CheckResult(ScenarioCheck Check, bool Passed, string? Why);

/// <summary>Whether a reply is what a scenario expects: pure functions over the visible text.</summary>
public static partial class Checks
{
    public const RegexOptions RegexOptions = System.Text.RegularExpressions.RegexOptions.NonBacktracking | System.Text.RegularExpressions.RegexOptions.CultureInvariant;
    public static readonly TimeSpan RegexTimeout = TimeSpan.FromMilliseconds(100);

    private const double LanguageShare = 0.6; // SCENARIOS, table "Checks"

    public static List<CheckResult> Run(IEnumerable<ScenarioCheck> checks, string reply)
    {
        var visible = Visible(reply);
        return [.. checks.Select(c => WhyNot(c, visible) is { } why ? new CheckResult(c, false, why) : new CheckResult(c, true, null))];
    }

    /// <summary>The answer that a failed check knows to be right, or null: what a correction may say.</summary>
    public static string? KnownAnswer(ScenarioCheck check) => check.Kind switch
    {
        CheckKind.Equals => check.AnyOf[0],
        CheckKind.Numeric => check.Number.ToString(CultureInfo.InvariantCulture),
        _ => null,
    };

    /// <summary>The reply without inner thoughts and commands, in MOSS's own and in Qwen's writing.</summary>
    internal static string Visible(string reply) => Hidden().Replace(reply, "");

    internal static double? Number(string text) =>
        double.TryParse(text.Trim().Replace('−', '-').Replace(",", "", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        && double.IsFinite(number) ? number : null;

    private static string? WhyNot(ScenarioCheck check, string visible)
    {
        var text = Folded(visible, check.Fold ?? DefaultFold(check.Kind));
        return check.Kind switch
        {
            CheckKind.Equals => Values(check).Contains(text.Trim()) ? null : $"it is not '{check.AnyOf[0]}'",
            CheckKind.Contains => Values(check).Any(v => text.Contains(v, StringComparison.Ordinal)) ? null : $"it does not contain {List(check)}",
            CheckKind.NotContains => Values(check).FirstOrDefault(v => text.Contains(v, StringComparison.Ordinal)) is { } found ? $"it contains '{found}'" : null,
            CheckKind.Regex => Matches(text, check.Pattern!),
            CheckKind.Numeric => Numeric(check, text),
            CheckKind.Json => Json(check, text),
            CheckKind.Sorted => Sorted(check, text),
            CheckKind.MinChars => Length(text) >= check.Number ? null : $"it has {Length(text)} characters, fewer than {check.Number}",
            CheckKind.MaxChars => Length(text) <= check.Number ? null : $"it has {Length(text)} characters, more than {check.Number}",
            _ => Scripts.ShareOf(check.Language!, text) is var share && share >= LanguageShare ? null
                : string.Create(CultureInfo.InvariantCulture, $"{share:P0} of its letters are {check.Language}, {LanguageShare:P0} are needed"),
        };
    }

    /// <summary>Texts are compared folded; what is measured or parsed is taken as it stands.</summary>
    private static Fold DefaultFold(CheckKind kind) =>
        kind is CheckKind.MinChars or CheckKind.MaxChars or CheckKind.Language or CheckKind.Json ? Fold.None : Fold.Nfkc;

    private static string Folded(string text, Fold fold) => fold switch
    {
        Fold.None => text,
        Fold.Nfkc => text.Normalize(NormalizationForm.FormKC),
        // Upper, then lower: ß and SS, ς and Σ meet, which lower-casing alone leaves apart.
        _ => text.Normalize(NormalizationForm.FormKC).ToUpperInvariant().ToLowerInvariant().Normalize(NormalizationForm.FormKC),
    };

    private static IEnumerable<string> Values(ScenarioCheck check) =>
        check.AnyOf.Select(v => Folded(check.Kind == CheckKind.Equals ? v.Trim() : v, check.Fold ?? Fold.Nfkc));

    private static string List(ScenarioCheck check) => string.Join(" or ", check.AnyOf.Select(v => $"'{v}'"));

    private static int Length(string text) => text.EnumerateRunes().Count(); // Unicode code points

    private static string? Matches(string text, string pattern)
    {
        try
        {
            return Regex.IsMatch(text, pattern, RegexOptions, RegexTimeout) ? null : $"it does not match {pattern}";
        }
        catch (RegexMatchTimeoutException)
        {
            return $"matching {pattern} took longer than {RegexTimeout.TotalMilliseconds} ms";
        }
    }

    private static string? Numeric(ScenarioCheck check, string text)
    {
        var numbers = Numbers().Matches(text).Select(m => Number(m.Value)).OfType<double>().ToList();
        if (numbers.Count == 0) return "it has no number";
        if (check.Pick == "only" && numbers.Count > 1) return $"it has {numbers.Count} numbers where one is expected";
        var found = check.Pick == "last" ? numbers[^1] : numbers[0];
        return Math.Abs(found - check.Number) <= check.Tolerance ? null
            : string.Create(CultureInfo.InvariantCulture, $"its number is {found}, expected {check.Number}");
    }

    private static string? Sorted(ScenarioCheck check, string text)
    {
        if (ItemsOf(check, text) is not { Count: > 0 } items) return $"it holds no list of {check.Items}";
        if (check.ByNumber && items.FirstOrDefault(i => Number(i) is null) is { } wrong) return $"'{wrong}' is not a number";
        int Compare(string a, string b) => check.ByNumber ? Number(a)!.Value.CompareTo(Number(b)!.Value) : string.CompareOrdinal(a, b);
        var direction = check.Descending ? -1 : 1;
        for (var i = 1; i < items.Count; i++)
            if (Compare(items[i - 1], items[i]) * direction > 0) return $"'{items[i]}' comes after '{items[i - 1]}'";

        if (check.SameItemsAs is null) return null;
        var expected = check.SameItemsAs.Select(i => Folded(i, check.Fold ?? Fold.Nfkc).Trim()).ToList();
        expected.Sort(Compare);
        var given = items.ToList();
        given.Sort(Compare);
        return given.Count == expected.Count && given.Zip(expected, Compare).All(c => c == 0) ? null : "its items are not the ones that were given";
    }

    private static List<string>? ItemsOf(ScenarioCheck check, string text)
    {
        if (check.Items == "lines") return [.. text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        if (check.Items == "commas") return [.. text.Split([',', '，', '、'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        return Parsed(text) is { ValueKind: JsonValueKind.Array } array ? [.. array.EnumerateArray().Select(e => e.ToString())] : null;
    }

    [GeneratedRegex(@"<think>.*?</think>|<\|Inner Thoughts\|>:.*?<eot>|<\|Commands\|>:.*?<eoc>", System.Text.RegularExpressions.RegexOptions.Singleline)]
    private static partial Regex Hidden();

    // A sign belongs to the number unless a Latin letter or a digit stands before it ("covid-19", "7-5"); 1,234 is one number.
    [GeneratedRegex(@"(?:(?<![A-Za-z0-9])[-+−])?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+)(?:[eE][-+]?[0-9]+)?")]
    private static partial Regex Numbers();
}
