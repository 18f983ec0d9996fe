using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Moss.Model.Inference;

/// <summary>What a layer does between its matrices, on float32 in native memory. Lengths need not be multiples of 16.</summary>
internal static unsafe class Vectors
{
    private const int Lanes = 16;

    /// <summary>to = norm(from) · weight (+ bias). Statistics as in <see cref="Norm"/>.</summary>
    /// <param name="bias">Null for a root-mean-square norm.</param>
    public static void Norm(float* from, float* weight, float* bias, float* to, int length, float epsilon)
    {
        var mean = bias is null ? 0 : Sum(from, length) / length;
        var scale = 1 / MathF.Sqrt(SumOfSquares(from, length, mean) / length + epsilon);
        var i = 0;
        for (; i + Lanes <= length; i += Lanes)
        {
            var normed = (Vector512.Load(from + i) - Vector512.Create(mean)) * scale * Vector512.Load(weight + i);
            (bias is null ? normed : normed + Vector512.Load(bias + i)).Store(to + i);
        }
        for (; i < length; i++) to[i] = (from[i] - mean) * scale * weight[i] + (bias is null ? 0 : bias[i]);
    }

    /// <summary>to += added.</summary>
    public static void Add(float* to, float* added, int length)
    {
        var i = 0;
        for (; i + Lanes <= length; i += Lanes) (Vector512.Load(to + i) + Vector512.Load(added + i)).Store(to + i);
        for (; i < length; i++) to[i] += added[i];
    }

    /// <summary>up = silu(gate) · up.</summary>
    public static void GatedSilu(float* gate, float* up, int length)
    {
        var i = 0;
        for (; i + Lanes <= length; i += Lanes)
        {
            var g = Vector512.Load(gate + i);
            (g / (Vector512<float>.One + Vector512.Exp(-g)) * Vector512.Load(up + i)).Store(up + i);
        }
        for (; i < length; i++) up[i] = gate[i] / (1 + MathF.Exp(-gate[i])) * up[i];
    }

    /// <summary>x = gelu(x) by the tanh formula, with tanh(u) = 1 − 2 / (1 + e^2u).</summary>
    public static void GeluTanh(float* x, int length)
    {
        const float slope = 0.7978845608f, cubic = 0.044715f; // √(2/π)
        var i = 0;
        for (; i + Lanes <= length; i += Lanes)
        {
            var v = Vector512.Load(x + i);
            var u = slope * (v + cubic * v * v * v);
            var tanh = Vector512<float>.One - Vector512.Create(2f) / (Vector512<float>.One + Vector512.Exp(2f * u));
            (0.5f * v * (Vector512<float>.One + tanh)).Store(x + i);
        }
        for (; i < length; i++) x[i] = 0.5f * x[i] * (1 + MathF.Tanh(slope * (x[i] + cubic * x[i] * x[i] * x[i])));
    }

    /// <summary>Turns pairs of the first 2 · half dimensions. Source: <see cref="Rotary.Turn"/>.</summary>
    /// <param name="cos">(half) of the token's position.</param>
    /// <param name="sin">(half).</param>
    public static void Turn(float* x, float* cos, float* sin, int half, bool interleaved)
    {
        for (var i = 0; i < half; i++)
        {
            var (one, other) = interleaved ? (2 * i, 2 * i + 1) : (i, i + half);
            var (a, b) = (x[one], x[other]);
            x[one] = a * cos[i] - b * sin[i];
            x[other] = b * cos[i] + a * sin[i];
        }
    }

    /// <summary>Makes scores into probabilities.</summary>
    public static void Softmax(float* scores, int length)
    {
        var most = float.NegativeInfinity;
        for (var i = 0; i < length; i++) most = MathF.Max(most, scores[i]);
        var (sum, at) = (0f, 0);
        for (; at + Lanes <= length; at += Lanes)
        {
            var e = Vector512.Exp(Vector512.Load(scores + at) - Vector512.Create(most));
            e.Store(scores + at);
            sum += Vector512.Sum(e);
        }
        for (; at < length; at++) sum += scores[at] = MathF.Exp(scores[at] - most);
        for (var i = 0; i < length; i++) scores[i] /= sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Sum(float* x, int length)
    {
        var (sum, i) = (Vector512<float>.Zero, 0);
        for (; i + Lanes <= length; i += Lanes) sum += Vector512.Load(x + i);
        var total = Vector512.Sum(sum);
        for (; i < length; i++) total += x[i];
        return total;
    }

    private static float SumOfSquares(float* x, int length, float mean)
    {
        var (sum, i) = (Vector512<float>.Zero, 0);
        for (; i + Lanes <= length; i += Lanes)
        {
            var apart = Vector512.Load(x + i) - Vector512.Create(mean);
            sum += apart * apart;
        }
        var total = Vector512.Sum(sum);
        for (; i < length; i++) total += (x[i] - mean) * (x[i] - mean);
        return total;
    }
}
