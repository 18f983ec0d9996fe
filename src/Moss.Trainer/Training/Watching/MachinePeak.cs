using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Trainer.Training.Watching;

/// <summary>What matrix products reach here, in about half a second: what a run's speed is held against while it is watched.</summary>
internal static class MachinePeak
{
    private static readonly TimeSpan PerSize = TimeSpan.FromSeconds(0.2);

    /// <returns>Floating-point operations per second: the best product of 1,024 and 2,048 square, on a GPU also of 8,192.</returns>
    public static double Measure(ScalarType type, Device device)
    {
        using var mode = no_grad();
        var best = 0.0;
        foreach (var size in device.type == DeviceType.CUDA ? (ReadOnlySpan<long>)[2_048, 8_192] : [1_024, 2_048])
        {
            using var scope = NewDisposeScope();
            var (one, other) = (randn(size, size, device: device).to_type(type), randn(size, size, device: device).to_type(type));
            var begun = Stopwatch.GetTimestamp();
            for (var round = 0; round < 2 || Stopwatch.GetElapsedTime(begun) < PerSize; round++)
            {
                using var inner = NewDisposeScope();
                var started = Stopwatch.GetTimestamp();
                var product = one.mm(other);
                if (device.type == DeviceType.CUDA) _ = product[0, 0].to_type(float32).item<float>(); // waits for the device
                best = Math.Max(best, 2.0 * size * size * size / Stopwatch.GetElapsedTime(started).TotalSeconds);
            }
        }
        return best;
    }
}
