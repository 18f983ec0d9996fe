namespace Moss.Data.Datasets.Preferences;

/// <summary>What all opinions about two replies to one prompt come to.</summary>
internal sealed record Preference(
    JudgedPrompt Prompt, string Better, string Worse, PreferenceKind Kind, EvidenceSource Source, double Weight, double Soft,
    bool Nll, DateTimeOffset At, IReadOnlyList<ExampleSource> Sources)
{
    /// <summary>A text that is the same in every cut.</summary>
    public string Identity => $"{Prompt.Key}\0{Better}\0{Worse}";

    /// <summary>Null: they are undecided, and nobody breaks a draw by the order of rows.</summary>
    /// <param name="opinions">Of one matter, at most one per annotator.</param>
    /// <param name="trust">What an annotator's word weighs, 0 to 1.</param>
    public static Preference? Of(IReadOnlyCollection<Opinion> opinions, Func<Opinion, double> trust)
    {
        var total = opinions.Sum(trust);
        if (total <= 0) return null;
        var first = opinions.MinBy(o => o.Better, StringComparer.Ordinal)!;
        var p = opinions.Where(o => o.Better == first.Better).Sum(trust) / total;
        if (Math.Abs(p - 0.5) < 1e-9) return null;
        var (better, worse) = p > 0.5 ? (first.Better, first.Worse) : (first.Worse, first.Better);
        var soft = Math.Max(p, 1 - p);
        var winning = opinions.Where(o => o.Better == better && trust(o) > 0).ToList();
        return new(
            first.Prompt, better, worse, winning.Min(o => o.Kind), winning.Min(o => o.By.Source),
            Rounded((2 * soft - 1) * winning.Max(o => o.Share * trust(o))), Rounded(soft),
            winning.Exists(o => o.Kind == PreferenceKind.Correction), opinions.Min(o => o.By.At),
            [.. opinions.SelectMany(o => o.Sources).Distinct()]);
    }

    /// <summary>Six digits: more would only make the texts long.</summary>
    public static double Rounded(double value) => Math.Round(value, 6);
}
