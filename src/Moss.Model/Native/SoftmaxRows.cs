using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Native;

/// <summary>Log-probabilities of one entry per row of logits and, in place of the logits, their gradient: two passes over memory instead of a dozen.</summary>
internal static unsafe class SoftmaxRows
{
    private const int Run = 4_096; // numbers summed in float32 before the sum goes on in float64

    /// <param name="logits">(R, V); afterwards weight · (one-hot − softmax) if weights are given, else as before.</param>
    /// <param name="targets">(R) int64.</param>
    /// <param name="weights">(R) float32, or null when no gradient is wanted.</param>
    /// <param name="found">(R) float32: log p(target).</param>
    public static void Differentiate(Tensor logits, Tensor targets, Tensor? weights, Tensor found)
    {
        using var scope = NewDisposeScope();
        if (Numbers.Here(logits, ScalarType.BFloat16)) Here<Half>(logits, targets, weights, found);
        else if (Numbers.Here(logits, ScalarType.Float32)) Here<Full>(logits, targets, weights, found);
        else ByOperators(logits, targets, weights, found);
    }

    private static void Here<T>(Tensor logits, Tensor targets, Tensor? weights, Tensor found) where T : struct, INumberFormat
    {
        var (rows, width, size) = (logits.shape[0], logits.shape[1], logits.ElementSize);
        var (wanted, factors, log) = (targets.data<long>().ToArray(), weights?.data<float>().ToArray(), new float[rows]);
        foreach (var target in wanted) ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)target, (ulong)width, nameof(targets));
        var address = (byte*)Numbers.Address(logits);
        Numbers.InShares(rows, width, [MethodImpl(Numbers.Hot)] (start, end) =>
        {
            for (var row = start; row < end; row++)
            {
                void* x = address + row * width * size;
                var total = LogSum<T>(x, width);
                log[row] = (float)(T.Read(x, wanted[row]) - total);
                if (factors is not null) Gradient<T>(x, width, total, wanted[row], factors[row]);
            }
        });
        found.copy_(tensor(log));
    }

    [MethodImpl(Numbers.Hot)]
    private static double LogSum<T>(void* x, long width) where T : struct, INumberFormat
    {
        var most = Vector512.Create(float.NegativeInfinity);
        for (var i = 0L; i < width; i += Lanes.Count) most = Vector512.Max(most, Lanes.Load<T>(x, i, width, float.NegativeInfinity));
        var highest = float.NegativeInfinity;
        for (var lane = 0; lane < Lanes.Count; lane++) highest = Math.Max(highest, most[lane]);
        var (shift, sum) = (Vector512.Create(highest), 0.0);
        for (var i = 0L; i < width;)
        {
            var (end, one, other) = (Math.Min(width, i + Run), Vector512<float>.Zero, Vector512<float>.Zero);
            for (; i + 2 * Lanes.Count <= end; i += 2 * Lanes.Count)
            {
                one += Exponential.Of(T.Load(x, i) - shift);
                other += Exponential.Of(T.Load(x, i + Lanes.Count) - shift);
            }
            for (; i < end; i += Lanes.Count) one += Exponential.Of(Lanes.Load<T>(x, i, end, float.NegativeInfinity) - shift);
            sum += Vector512.Sum(one + other);
        }
        return highest + Math.Log(sum);
    }

    [MethodImpl(Numbers.Hot)]
    private static void Gradient<T>(void* x, long width, double total, long target, float weight) where T : struct, INumberFormat
    {
        var chosen = weight * (1 - Math.Exp(T.Read(x, target) - total));
        var (shift, factor) = (Vector512.Create((float)total), Vector512.Create(-weight));
        for (var i = 0L; i < width; i += Lanes.Count)
            Lanes.Store<T>(x, i, width, Exponential.Of(Lanes.Load<T>(x, i, width) - shift) * factor);
        T.Write(x, target, (float)chosen);
    }

    private static void ByOperators(Tensor logits, Tensor targets, Tensor? weights, Tensor found)
    {
        var wide = logits.to_type(ScalarType.Float32);
        var total = wide.logsumexp(1, keepdim: true);
        found.copy_(wide.gather(1, targets.unsqueeze(1)).sub_(total).squeeze(1));
        if (weights is null) return;
        var factor = weights.unsqueeze(1);
        logits.copy_((wide - total).exp_().mul_(-factor).scatter_add_(1, targets.unsqueeze(1), factor));
    }
}
