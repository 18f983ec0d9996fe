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
        var halves = Numbers.Here(logits, ScalarType.BFloat16);
        if (!halves && !Numbers.Here(logits, ScalarType.Float32))
        {
            ByOperators(logits, targets, weights, found);
            return;
        }
        var (rows, width) = (logits.shape[0], logits.shape[1]);
        var (wanted, factors) = (targets.data<long>().ToArray(), weights?.data<float>().ToArray());
        var log = new float[rows];
        for (var row = 0; row < rows; row++) ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)wanted[row], (ulong)width, nameof(targets));
        ushort* half = halves ? Numbers.Halves(logits) : null;
        float* full = halves ? null : Numbers.Floats(logits);
        Numbers.InShares(rows, width, (start, end) =>
        {
            for (var row = start; row < end; row++)
            {
                ushort* h = half + row * width;
                float* f = full + row * width;
                var total = halves ? LogSum(h, width) : LogSum(f, width);
                log[row] = (float)((halves ? Numbers.Widen(h[wanted[row]]) : f[wanted[row]]) - total);
                if (factors is null) continue;
                if (halves) Gradient(h, width, (float)total, wanted[row], factors[row]);
                else Gradient(f, width, (float)total, wanted[row], factors[row]);
            }
        });
        using var scope = NewDisposeScope();
        found.copy_(tensor(log));
    }

    private static void ByOperators(Tensor logits, Tensor targets, Tensor? weights, Tensor found)
    {
        using var scope = NewDisposeScope();
        var wide = logits.to_type(ScalarType.Float32);
        var total = wide.logsumexp(1, keepdim: true);
        found.copy_(wide.gather(1, targets.unsqueeze(1)).sub_(total).squeeze(1));
        if (weights is null) return;
        var factor = weights.unsqueeze(1);
        logits.copy_((wide - total).exp_().mul_(-factor).scatter_add_(1, targets.unsqueeze(1), factor));
    }

    private static double LogSum(ushort* x, long width)
    {
        var most = Vector512.Create(float.NegativeInfinity);
        var highest = float.NegativeInfinity;
        var i = 0L;
        for (; i + 32 <= width; i += 32)
        {
            var (low, high) = Numbers.Widen(x + i);
            most = Vector512.Max(most, Vector512.Max(low, high));
        }
        for (; i < width; i++) highest = Math.Max(highest, Numbers.Widen(x[i]));
        for (var lane = 0; lane < 16; lane++) highest = Math.Max(highest, most[lane]);
        var (shift, sum) = (Vector512.Create(highest), 0.0);
        for (i = 0; i < width;)
        {
            var (end, part) = (Math.Min(width, i + Run), Vector512<float>.Zero);
            for (; i + 32 <= end; i += 32)
            {
                var (low, high) = Numbers.Widen(x + i);
                part += Vector512.Exp(low - shift) + Vector512.Exp(high - shift);
            }
            sum += Vector512.Sum(part);
            for (; i < end; i++) sum += MathF.Exp(Numbers.Widen(x[i]) - highest);
        }
        return highest + Math.Log(sum);
    }

    private static double LogSum(float* x, long width)
    {
        var most = Vector512.Create(float.NegativeInfinity);
        var highest = float.NegativeInfinity;
        var i = 0L;
        for (; i + 16 <= width; i += 16) most = Vector512.Max(most, Vector512.Load(x + i));
        for (; i < width; i++) highest = Math.Max(highest, x[i]);
        for (var lane = 0; lane < 16; lane++) highest = Math.Max(highest, most[lane]);
        var (shift, sum) = (Vector512.Create(highest), 0.0);
        for (i = 0; i < width;)
        {
            var (end, part) = (Math.Min(width, i + Run), Vector512<float>.Zero);
            for (; i + 16 <= end; i += 16) part += Vector512.Exp(Vector512.Load(x + i) - shift);
            sum += Vector512.Sum(part);
            for (; i < end; i++) sum += MathF.Exp(x[i] - highest);
        }
        return highest + Math.Log(sum);
    }

    private static void Gradient(ushort* x, long width, float total, long target, float weight)
    {
        var chosen = Numbers.Narrow(weight * (1 - MathF.Exp(Numbers.Widen(x[target]) - total)));
        var (shift, factor) = (Vector512.Create(total), Vector512.Create(-weight));
        var i = 0L;
        for (; i + 32 <= width; i += 32)
        {
            var (low, high) = Numbers.Widen(x + i);
            Numbers.Narrow(Vector512.Exp(low - shift) * factor, Vector512.Exp(high - shift) * factor).Store(x + i);
        }
        for (; i < width; i++) x[i] = Numbers.Narrow(MathF.Exp(Numbers.Widen(x[i]) - total) * -weight);
        x[target] = chosen;
    }

    private static void Gradient(float* x, long width, float total, long target, float weight)
    {
        var chosen = weight * (1 - MathF.Exp(x[target] - total));
        var (shift, factor) = (Vector512.Create(total), Vector512.Create(-weight));
        var i = 0L;
        for (; i + 16 <= width; i += 16) (Vector512.Exp(Vector512.Load(x + i) - shift) * factor).Store(x + i);
        for (; i < width; i++) x[i] = MathF.Exp(x[i] - total) * -weight;
        x[target] = chosen;
    }
}
