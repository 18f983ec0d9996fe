using Moss.Annotate.Features.Shared;
using Moss.Data;

namespace Moss.Annotate.Features.Training;

/// <summary>The curves of the runs that are chosen for the chart; of a run that grows, only what is new is read.</summary>
public sealed class Curves
{
    public const int Most = 6; // colours

    private readonly List<Curve> _curves = [];

    private sealed record Curve(Guid RunId, int Colour)
    {
        public List<(int Step, double Value)> Line { get; } = [];
        public List<(int Step, double Value)> Points { get; } = [];
        public bool IsEmpty => Line.Count == 0 && Points.Count == 0;
    }

    /// <summary>What is shown of them.</summary>
    public Measure Measure { get; private set; } = Measure.Loss;

    /// <summary>Shows another number; it is read anew.</summary>
    public void Show(Measure measure)
    {
        if (measure == Measure) return;
        Measure = measure;
        foreach (var curve in _curves)
        {
            curve.Line.Clear();
            curve.Points.Clear();
        }
    }

    /// <summary>The colour of a chosen run, or null.</summary>
    public int? ColourOf(Guid runId) => _curves.Find(c => c.RunId == runId)?.Colour;

    public bool IsFull => _curves.Count >= Most;

    public bool IsEmpty => _curves.Count == 0;

    public void Choose(Guid runId)
    {
        if (ColourOf(runId) is null && !IsFull) _curves.Add(new Curve(runId, Enumerable.Range(1, Most).First(n => _curves.TrueForAll(c => c.Colour != n))));
    }

    public void Toggle(Guid runId)
    {
        if (_curves.RemoveAll(c => c.RunId == runId) == 0) Choose(runId);
    }

    public void Clear() => _curves.Clear();

    public async Task ReadAsync(MossDbContext db, CancellationToken cancellation)
    {
        foreach (var curve in _curves.ToList())
        {
            // A resumed run goes back to its last saved state and records those steps again: read a stretch twice rather than keep old numbers.
            var (shown, from) = (Measure, curve.Line.Count > Overlap ? curve.Line[^Overlap].Step : -1);
            var (line, points) = await db.CurveAfterAsync(curve.RunId, shown, from, cancellation);
            if (shown != Measure) return; // another was chosen meanwhile, and is being read
            curve.Line.RemoveAll(p => p.Step > from);
            curve.Points.RemoveAll(p => p.Step > from);
            curve.Line.AddRange(line);
            curve.Points.AddRange(points);
        }
    }

    private const int Overlap = 50;

    public IReadOnlyList<ChartSeries> Series(Func<Guid, string> name) =>
        [.. _curves.Where(c => !c.IsEmpty).Select(c => new ChartSeries(name(c.RunId), c.Colour, [.. c.Line], [.. c.Points]))];
}
