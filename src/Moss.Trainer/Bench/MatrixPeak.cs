using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Trainer.Bench;

/// <summary>What this machine's matrix products reach at best: the ceiling that a training step is held against.</summary>
internal sealed class MatrixPeak(ScalarType type)
{
    private static readonly (long Size, int Repeats)[] Products = [(1_024, 12), (2_048, 4), (4_096, 1)]; // square

    /// <summary>Floating-point operations per second on the clock.</summary>
    public double PerSecond { get; private set; }

    /// <summary>The same per second of one processor.</summary>
    public double PerProcessorSecond { get; private set; }

    /// <summary>Tries again; the best of all tries counts.</summary>
    public void Sample()
    {
        using var mode = no_grad();
        foreach (var (size, repeats) in Products)
        {
            using var scope = NewDisposeScope();
            var (one, other) = (randn(size, size).to_type(type), randn(size, size).to_type(type));
            var (work, processor, times) = (2.0 * size * size * size, TimeSpan.Zero, 0);
            for (var i = 0; i <= repeats; i++)
            {
                using var inner = NewDisposeScope();
                var (started, before) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
                _ = one.mm(other);
                PerSecond = Math.Max(PerSecond, work / Stopwatch.GetElapsedTime(started).TotalSeconds);
                if (i == 0) continue; // the first touches fresh memory
                processor += Environment.CpuUsage.TotalTime - before;
                times++;
            }
            PerProcessorSecond = Math.Max(PerProcessorSecond, work * times / processor.TotalSeconds);
        }
    }
}
