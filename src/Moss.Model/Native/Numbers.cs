using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Native;

/// <summary>
/// Passes over tensors' memory on the CPU that libtorch would make in several, or with a slower exponential. Elsewhere its own operators do the same.
/// </summary>
internal static unsafe class Numbers
{
    /// <summary>Loops over millions of numbers: compiled at their best from the first call on, not after thirty.</summary>
    internal const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    private const long Share = 1 << 15; // numbers below which another thread is not worth waking

    /// <summary>sum += part, where the parts are half as wide as the sums.</summary>
    /// <param name="sum">float32.</param>
    /// <param name="part">bfloat16 of the same shape.</param>
    public static void Add(Tensor sum, Tensor part)
    {
        if (!Here(sum, ScalarType.Float32) || !Here(part, ScalarType.BFloat16))
        {
            sum.add_(part);
            return;
        }
        void* to = Address(sum), from = Address(part);
        InShares(sum.numel(), 1, [MethodImpl(Numbers.Hot)] (start, end) =>
        {
            for (var i = start; i < end; i += Lanes.Count)
                Lanes.Store<Full>(to, i, end, Lanes.Load<Full>(to, i, end) + Lanes.Load<Half>(from, i, end));
        });
    }

    /// <summary>Whether this memory can be read here, in order.</summary>
    internal static bool Here(Tensor x, ScalarType type) => x.device_type == DeviceType.CPU && x.dtype == type && x.is_contiguous();

    /// <summary>Whether it can, in either of the two formats that the passes know.</summary>
    internal static bool Here(Tensor x) => Here(x, ScalarType.Float32) || Here(x, ScalarType.BFloat16);

    /// <summary>Where the tensor's numbers begin. TorchSharp's own view of them ends at 2 GB.</summary>
    internal static void* Address(Tensor x) => Aten.Address(x);

    /// <summary>Splits a range between the threads that libtorch may use. Which thread takes which part changes no result.</summary>
    /// <param name="count">Things to share.</param>
    /// <param name="size">Numbers that each of them holds.</param>
    internal static void InShares(long count, long size, Action<long, long> part)
    {
        var parts = (int)Math.Clamp(Math.Min(count * size / Share, count), 1, torch.get_num_threads());
        if (parts == 1) part(0, count);
        else Parallel.For(0, parts, i => part(count * i / parts, count * (i + 1) / parts));
    }
}
