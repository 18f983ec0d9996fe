namespace Moss.Data.Datasets;

/// <summary>How good a reply is by its annotators' own measure; see <see cref="RaterScale"/>.</summary>
public static class QualityLevels
{
    public const string High = "high", Good = "good", Fair = "fair", Poor = "poor";

    /// <summary>Best first.</summary>
    public static readonly IReadOnlyList<string> All = [High, Good, Fair, Poor];

    /// <summary>The quarter in which a standing from 0 to 1 lies.</summary>
    internal static string Of(double standing) => standing switch { >= 0.75 => High, >= 0.5 => Good, >= 0.25 => Fair, _ => Poor };

    /// <summary>3 for high to 0 for poor.</summary>
    internal static int Number(string level) => level switch { High => 3, Good => 2, Fair => 1, _ => 0 };
}
