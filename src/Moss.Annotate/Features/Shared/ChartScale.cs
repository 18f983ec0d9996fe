namespace Moss.Annotate.Features.Shared;

/// <summary>From numbers to a stretch of the picture, with round numbers to write beside it.</summary>
internal sealed record ChartScale(double Least, double Most, IReadOnlyList<double> Ticks)
{
    /// <summary>A scale with about so many ticks at 1, 2 or 5 times a power of ten.</summary>
    public static ChartScale Over(double least, double most, int about)
    {
        if (!(most > least)) (least, most) = (least - 0.5, least + 0.5);
        var rough = (most - least) / about;
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        var step = power * ((rough / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
        var (first, last) = ((long)Math.Floor(least / step), (long)Math.Ceiling(most / step));
        var ticks = new List<double>();
        for (var n = first; n <= last; n++) ticks.Add(n * step);
        return new ChartScale(first * step, last * step, ticks);
    }

    /// <summary>0 at the least, 1 at the most.</summary>
    public double Share(double value) => (value - Least) / (Most - Least);
}
