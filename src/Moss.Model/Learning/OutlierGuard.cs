namespace Moss.Model.Learning;

/// <summary>Notices a step whose loss or gradient norm lies far outside those before it. As llm.c's outlier detector.</summary>
/// <remarks>Gives no verdict until its window is full. What it remembers is part of a saved training state.</remarks>
internal sealed class OutlierGuard
{
    private const int Window = 128; // steps
    private const double Furthest = 6; // standard deviations; one in 10^9 if steps were normally distributed

    private readonly Queue<(double Loss, double Norm)> _seen = new();

    /// <summary>Loss and gradient norm of the steps in the window, oldest first.</summary>
    public IEnumerable<(double Loss, double Norm)> Seen
    {
        get => _seen;
        set
        {
            _seen.Clear();
            foreach (var step in value) _seen.Enqueue(step);
        }
    }

    /// <summary>True when this step's update should be left out. An outlier is not remembered: it would hide the next one.</summary>
    public bool IsOutlier(double loss, double norm)
    {
        if (_seen.Count == Window && (IsAbove(loss, _seen.Select(s => s.Loss)) || IsAbove(norm, _seen.Select(s => s.Norm)))) return true;
        _seen.Enqueue((loss, norm));
        if (_seen.Count > Window) _seen.Dequeue();
        return false;
    }

    private static bool IsAbove(double value, IEnumerable<double> earlier)
    {
        var values = earlier.ToList();
        var mean = values.Average();
        var deviation = Math.Sqrt(values.Average(v => (v - mean) * (v - mean)));
        return value - mean > Furthest * Math.Max(deviation, 1e-12);
    }
}
