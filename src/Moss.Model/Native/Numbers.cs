using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Native;

/// <summary>Passes over a tensor's memory that libtorch would make in several, on the CPU; elsewhere its own operators do the same.</summary>
internal static unsafe class Numbers
{
    private const long Share = 1 << 16; // numbers below which another thread is not worth waking

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
        float* to = Floats(sum);
        ushort* from = Halves(part);
        InShares(sum.numel(), 1, (start, end) =>
        {
            var i = start;
            for (; i + 32 <= end; i += 32)
            {
                var (low, high) = Widen(from + i);
                (Vector512.Load(to + i) + low).Store(to + i);
                (Vector512.Load(to + i + 16) + high).Store(to + i + 16);
            }
            for (; i < end; i++) to[i] += Widen(from[i]);
        });
    }

    /// <summary>Whether this memory can be read here, in order.</summary>
    internal static bool Here(Tensor x, ScalarType type) => x.device_type == DeviceType.CPU && x.dtype == type && x.is_contiguous();

    internal static float* Floats(Tensor x) => (float*)Address(x);
    internal static ushort* Halves(Tensor x) => (ushort*)Address(x);

    /// <summary>Splits a range between the threads that libtorch may use. Which thread takes which part changes no result.</summary>
    /// <param name="count">Things to share.</param>
    /// <param name="size">Numbers that each of them holds.</param>
    internal static void InShares(long count, long size, Action<long, long> part)
    {
        var parts = (int)Math.Clamp(Math.Min(count * size / Share, count), 1, torch.get_num_threads());
        if (parts == 1) part(0, count);
        else Parallel.For(0, parts, i => part(count * i / parts, count * (i + 1) / parts));
    }

    /// <summary>32 bfloat16 numbers as float32, in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (Vector512<float> Low, Vector512<float> High) Widen(ushort* from)
    {
        var (low, high) = Vector512.Widen(Vector512.Load(from));
        return ((low << 16).AsSingle(), (high << 16).AsSingle());
    }

    internal static float Widen(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>float32 as bfloat16, to the nearest, ties to even, as libtorch rounds. Not for values that are no numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<ushort> Narrow(Vector512<float> low, Vector512<float> high) => Vector512.Narrow(Rounded(low), Rounded(high));

    internal static ushort Narrow(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Rounded(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        return (bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512.Create(1u))) >> 16;
    }

    private static void* Address(Tensor x) => Unsafe.AsPointer(ref MemoryMarshal.GetReference(x.bytes)); // native memory: nothing moves it
}
