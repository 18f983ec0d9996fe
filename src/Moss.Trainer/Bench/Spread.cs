namespace Moss.Trainer.Bench;

/// <summary>What many measured times of one thing come to, in milliseconds.</summary>
internal sealed record Spread(double P50, double P95, double Max)
{
    /// <param name="times">Milliseconds, in any order; at least one.</param>
    public static Spread Of(IEnumerable<double> times)
    {
        var sorted = times.Order().ToList();
        return new(Rounded(sorted[sorted.Count / 2]), Rounded(sorted[(int)(sorted.Count * 0.95)]), Rounded(sorted[^1]));
    }

    private static double Rounded(double milliseconds) => Math.Round(milliseconds, 2);
}
