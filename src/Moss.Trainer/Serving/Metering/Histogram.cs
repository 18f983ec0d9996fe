using System.Globalization;

namespace Moss.Trainer.Serving.Metering;

/// <summary>How often values fell below which bounds, as Prometheus counts them.</summary>
/// <param name="bounds">Ascending.</param>
internal sealed class Histogram(string name, string help, params double[] bounds)
{
    private readonly Lock _gate = new();
    private readonly long[] _counts = new long[bounds.Length + 1];
    private double _sum;

    public void Add(double value)
    {
        var at = Array.FindIndex(bounds, bound => value <= bound);
        lock (_gate)
        {
            _counts[at < 0 ? bounds.Length : at]++;
            _sum += value;
        }
    }

    public void Write(TextWriter to)
    {
        long[] counts;
        double sum;
        lock (_gate) (counts, sum) = ([.. _counts], _sum);
        to.Write($"# HELP {name} {help}\n# TYPE {name} histogram\n");
        var below = 0L;
        for (var i = 0; i < counts.Length; i++)
        {
            below += counts[i];
            var bound = i < bounds.Length ? bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
            to.Write(string.Create(CultureInfo.InvariantCulture, $"{name}_bucket{{le=\"{bound}\"}} {below}\n"));
        }
        to.Write(string.Create(CultureInfo.InvariantCulture, $"{name}_sum {sum}\n{name}_count {below}\n"));
    }
}
