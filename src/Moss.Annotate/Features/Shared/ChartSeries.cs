namespace Moss.Annotate.Features.Shared;

/// <summary>One run's numbers in a chart: a line, and single points of another measure in the same unit.</summary>
/// <param name="Colour">1 to 6, one of the colours r-c1 to r-c6.</param>
public sealed record ChartSeries(
    string Name, int Colour, IReadOnlyList<(int Step, double Value)> Line, IReadOnlyList<(int Step, double Value)> Points)
{
    private const int MostDrawn = 300;

    /// <summary>The line with at most 300 points, each the mean of as many steps.</summary>
    public IReadOnlyList<(double Step, double Value)> Drawn()
    {
        var each = (Line.Count + MostDrawn - 1) / MostDrawn;
        if (each <= 1) return [.. Line.Select(p => ((double)p.Step, p.Value))];
        return [.. Line.Chunk(each).Select(c => (c.Average(p => p.Step), c.Average(p => p.Value)))];
    }
}
