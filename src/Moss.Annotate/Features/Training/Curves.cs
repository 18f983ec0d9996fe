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
        public List<(int Step, double Value)> Loss { get; } = [];
        public List<(int Step, double Value)> EvalLoss { get; } = [];
        public int LastStep => Math.Max(Loss.Count == 0 ? -1 : Loss[^1].Step, EvalLoss.Count == 0 ? -1 : EvalLoss[^1].Step);
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
            var from = curve.Loss.Count > Overlap ? curve.Loss[^Overlap].Step : -1;
            var (loss, eval) = await db.CurveAfterAsync(curve.RunId, from, cancellation);
            curve.Loss.RemoveAll(p => p.Step > from);
            curve.EvalLoss.RemoveAll(p => p.Step > from);
            curve.Loss.AddRange(loss);
            curve.EvalLoss.AddRange(eval);
        }
    }

    private const int Overlap = 50;

    public IReadOnlyList<ChartSeries> Series(Func<Guid, string> name) =>
        [.. _curves.Where(c => c.LastStep >= 0).Select(c => new ChartSeries(name(c.RunId), c.Colour, [.. c.Loss], [.. c.EvalLoss]))];
}
