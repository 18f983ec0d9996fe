namespace Moss.Data.Datasets.Preferences;

/// <summary>What one annotator says about two replies to one prompt: this one rather than that one.</summary>
/// <param name="Better">The better reply's normalised text.</param>
/// <param name="Worse">The worse one's.</param>
/// <param name="Share">How much of the annotator's judgement it is: 1/(k − 1) when k replies were put in order at once, else
/// 1.</param>
internal sealed record Opinion(
    JudgedPrompt Prompt, string Better, string Worse, Judged By, PreferenceKind Kind, double Share,
    IReadOnlyList<ExampleSource> Sources)
{
    /// <summary>The same for both directions.</summary>
    public (string Prompt, string First, string Second) Matter =>
        string.CompareOrdinal(Better, Worse) < 0 ? (Prompt.Key, Better, Worse) : (Prompt.Key, Worse, Better);
}
