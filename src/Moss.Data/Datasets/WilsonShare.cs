namespace Moss.Data.Datasets;

/// <summary>A share with its 95 % interval.</summary>
/// <param name="Count">Of how many it holds.</param>
/// <param name="Of">Out of how many.</param>
/// <param name="Low">Lower end of Wilson's score interval.</param>
/// <param name="High">Upper end of it.</param>
public sealed record WilsonShare(int Count, int Of, double Share, double Low, double High)
{
    private const double Z = 1.959963984540054; // 97.5 % point of the normal distribution

    /// <summary>Null when there is nothing to take a share of.</summary>
    public static WilsonShare? Of95(int count, int of)
    {
        if (of == 0) return null;
        var (p, z2) = ((double)count / of, Z * Z);
        var middle = (p + z2 / (2 * of)) / (1 + z2 / of);
        var half = Z / (1 + z2 / of) * Math.Sqrt(p * (1 - p) / of + z2 / (4.0 * of * of));
        return new(count, of, p, Math.Max(0, middle - half), Math.Min(1, middle + half));
    }

    /// <summary>"69.8 % (526 of 754; 95 % interval 66.4 to 72.9 %)".</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{100 * Share:0.0} % ({Count} of {Of}; 95 % interval {100 * Low:0.0} to {100 * High:0.0} %)");
}
