using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Trainer.Bench;

/// <summary>What this machine's matrix products reach at best: the ceiling that a training step is held against.</summary>
internal static class MatrixPeak
{
    /// <returns>Floating-point operations per second: the best of several square products of 1,024 to 4,096.</returns>
    public static double Measure(ScalarType type)
    {
        using var mode = no_grad();
        var best = 0.0;
        foreach (var (size, repeats) in (ReadOnlySpan<(long, int)>)[(1_024, 12), (2_048, 6), (4_096, 2)])
        {
            using var scope = NewDisposeScope();
            var (one, other) = (randn(size, size).to_type(type), randn(size, size).to_type(type));
            for (var i = 0; i < repeats; i++)
            {
                using var inner = NewDisposeScope();
                var started = Stopwatch.GetTimestamp();
                _ = one.mm(other);
                best = Math.Max(best, 2.0 * size * size * size / Stopwatch.GetElapsedTime(started).TotalSeconds);
            }
        }
        return best;
    }
}
