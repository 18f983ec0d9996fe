using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Moss.Model.Generation;

/// <summary>Passes over a vocabulary's scores, sixteen at a time.</summary>
internal static class Scores
{
    /// <summary>The largest, or NaN if one is not a number.</summary>
    public static float Largest(ReadOnlySpan<float> scores)
    {
        var (most, at) = (Vector512.Create(float.NegativeInfinity), 0);
        foreach (var sixteen in MemoryMarshal.Cast<float, Vector512<float>>(scores)) most = Vector512.Max(most, sixteen); // a NaN stays one
        at = scores.Length / Vector512<float>.Count * Vector512<float>.Count;
        var largest = float.NegativeInfinity;
        for (var i = 0; i < Vector512<float>.Count; i++) largest = MathF.Max(largest, most[i]);
        for (; at < scores.Length; at++) largest = MathF.Max(largest, scores[at]);
        return largest;
    }

    /// <summary>Of the largest; the first of several.</summary>
    public static int IndexOfLargest(ReadOnlySpan<float> scores)
    {
        var best = 0;
        for (var i = 1; i < scores.Length; i++)
            if (scores[i] > scores[best]) best = i;
        return best;
    }

    /// <summary>Σ exp((score − from) / temperature), added up in double.</summary>
    public static double SumOfExponentials(ReadOnlySpan<float> scores, float from, double temperature)
    {
        var (sum, shift, scale) = (Vector512<double>.Zero, Vector512.Create(from), Vector512.Create((float)(1 / temperature)));
        foreach (var sixteen in MemoryMarshal.Cast<float, Vector512<float>>(scores))
        {
            var (low, high) = Vector512.Widen(Vector512.Exp((sixteen - shift) * scale));
            sum += low + high;
        }
        var total = Vector512.Sum(sum);
        for (var at = scores.Length / Vector512<float>.Count * Vector512<float>.Count; at < scores.Length; at++)
            total += Math.Exp((scores[at] - from) / temperature);
        return total;
    }
}
