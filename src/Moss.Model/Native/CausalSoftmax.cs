using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Native;

/// <summary>Softmax over what a causal position may see, and its derivative, in place of the scores.</summary>
/// <remarks>Shapes: G groups of heads that share keys, R rows in each (head by head, position by position), S keys. Float32 inside, whatever the memory holds.</remarks>
internal static unsafe class CausalSoftmax
{
    /// <summary>scores → softmax(scale · scores) over the keys up to each row's own position, zero beyond.</summary>
    /// <param name="scores">(G, R, S), bfloat16 or float32.</param>
    /// <param name="first">Position of the first row of each head; the last row's is S − 1.</param>
    /// <param name="logs">(G, R) float32: takes the logarithm of each row's sum.</param>
    public static void Forward(Tensor scores, long first, double scale, Tensor logs)
    {
        if (scores.dtype == ScalarType.BFloat16) Forward<Half>(scores, first, (float)scale, logs);
        else Forward<Full>(scores, first, (float)scale, logs);
    }

    /// <summary>scores → softmax again, and gradients at the softmax → gradients at the scores.</summary>
    /// <param name="scores">(G, R, S) as <see cref="Forward(Tensor, long, double, Tensor)"/> was given them.</param>
    /// <param name="gradients">(G, R, S) in the same number format.</param>
    /// <param name="logs">(G, R) as it gave them.</param>
    public static void Backward(Tensor scores, Tensor gradients, long first, double scale, Tensor logs)
    {
        if (scores.dtype == ScalarType.BFloat16) Backward<Half>(scores, gradients, first, (float)scale, logs);
        else Backward<Full>(scores, gradients, first, (float)scale, logs);
    }

    private static void Forward<T>(Tensor scores, long first, float scale, Tensor logs) where T : struct, INumberFormat
    {
        var (groups, rows, keys, size) = (scores.shape[0], scores.shape[1], scores.shape[2], scores.ElementSize);
        var address = (byte*)Numbers.Address(scores);
        var log = (float*)Numbers.Address(logs);
        Numbers.InShares(groups * rows, keys, [MethodImpl(Numbers.Hot)] (start, end) =>
        {
            for (var row = start; row < end; row++)
            {
                void* x = address + row * keys * size;
                log[row] = Forward<T>(x, Seen(row % rows, first, keys), keys, scale);
            }
        });
    }

    [MethodImpl(Numbers.Hot)]
    private static float Forward<T>(void* x, long seen, long keys, float scale) where T : struct, INumberFormat
    {
        var most = Vector512.Create(float.NegativeInfinity);
        for (var i = 0L; i < seen; i += Lanes.Count) most = Vector512.Max(most, Lanes.Load<T>(x, i, seen, float.NegativeInfinity));
        var highest = most[0];
        for (var lane = 1; lane < Lanes.Count; lane++) highest = Math.Max(highest, most[lane]);
        var (factor, shift, total) = (Vector512.Create(scale), Vector512.Create(highest * scale), Vector512<float>.Zero);
        for (var i = 0L; i < seen; i += Lanes.Count)
            total += Exponential.Of(Lanes.Load<T>(x, i, seen, float.NegativeInfinity) * factor - shift);
        var log = highest * scale + MathF.Log(Vector512.Sum(total));
        Softmax<T>(x, seen, scale, log);
        for (var i = seen; i < keys; i += Lanes.Count) Lanes.Store<T>(x, i, keys, Vector512<float>.Zero);
        return log;
    }

    [MethodImpl(Numbers.Hot)]
    private static void Softmax<T>(void* x, long seen, float scale, float log) where T : struct, INumberFormat
    {
        var (factor, shift) = (Vector512.Create(scale), Vector512.Create(log));
        for (var i = 0L; i < seen; i += Lanes.Count) Lanes.Store<T>(x, i, seen, Exponential.Of(Lanes.Load<T>(x, i, seen) * factor - shift));
    }

    private static void Backward<T>(Tensor scores, Tensor gradients, long first, float scale, Tensor logs) where T : struct, INumberFormat
    {
        var (groups, rows, keys, size) = (scores.shape[0], scores.shape[1], scores.shape[2], scores.ElementSize);
        byte* address = (byte*)Numbers.Address(scores), other = (byte*)Numbers.Address(gradients);
        var log = (float*)Numbers.Address(logs);
        Numbers.InShares(groups * rows, keys, [MethodImpl(Numbers.Hot)] (start, end) =>
        {
            for (var row = start; row < end; row++)
            {
                void* x = address + row * keys * size, d = other + row * keys * size;
                var seen = Seen(row % rows, first, keys);
                Softmax<T>(x, seen, scale, log[row]);
                Backward<T>(x, d, seen, scale);
                for (var i = seen; i < keys; i += Lanes.Count)
                {
                    Lanes.Store<T>(x, i, keys, Vector512<float>.Zero);
                    Lanes.Store<T>(d, i, keys, Vector512<float>.Zero);
                }
            }
        });
    }

    /// <summary>d → scale · p · (d − Σ p·d).</summary>
    [MethodImpl(Numbers.Hot)]
    private static void Backward<T>(void* p, void* d, long seen, float scale) where T : struct, INumberFormat
    {
        var sum = Vector512<float>.Zero;
        for (var i = 0L; i < seen; i += Lanes.Count) sum += Lanes.Load<T>(p, i, seen) * Lanes.Load<T>(d, i, seen);
        var (mean, factor) = (Vector512.Create(Vector512.Sum(sum)), Vector512.Create(scale));
        for (var i = 0L; i < seen; i += Lanes.Count)
            Lanes.Store<T>(d, i, seen, factor * Lanes.Load<T>(p, i, seen) * (Lanes.Load<T>(d, i, seen) - mean));
    }

    /// <summary>Keys that a row may see: each head's rows are the positions from <paramref name="first"/> to the last key.</summary>
    private static long Seen(long row, long first, long keys) => first + row % (keys - first) + 1;
}
