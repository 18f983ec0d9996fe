using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Moss.Model.Inference;

/// <summary>Rows of a matrix times a few vectors: y[i, r] = scale[r] · (W[r] · x[i]).</summary>
/// <remarks>
/// However many vectors there are, each sum is formed in the same order by the same two accumulators, so that a sequence gets the same bits alone as
/// in a batch. Widths are multiples of <see cref="Step"/>, padded with zeros.
/// </remarks>
internal static unsafe class RowKernel<TFormat, TStored> where TFormat : IWeightFormat<TStored> where TStored : unmanaged
{
    /// <summary>Columns per turn of the loop: two registers.</summary>
    public const int Step = 32;

    /// <param name="weights">(rows, width) from the first row on.</param>
    /// <param name="from">First row to compute.</param>
    /// <param name="to">One more than the last.</param>
    /// <param name="x">(count, width).</param>
    /// <param name="y">(count, <paramref name="yStride"/>); row r goes to column r.</param>
    public static void Multiply(TStored* weights, float* scales, int width, int from, int to, float* x, int count, float* y, int yStride)
    {
        var done = 0;
        for (; count - done >= 8; done += 8) Eight(weights, scales, width, from, to, x + (long)done * width, y + (long)done * yStride, yStride);
        for (; count - done >= 4; done += 4) Four(weights, scales, width, from, to, x + (long)done * width, y + (long)done * yStride, yStride);
        for (; done < count; done++) One(weights, scales, width, from, to, x + (long)done * width, y + (long)done * yStride);
    }

    /// <summary>One vector, four rows at a time: eight sums keep both multipliers busy.</summary>
    private static void One(TStored* weights, float* scales, int width, int from, int to, float* x, float* y)
    {
        var row = from;
        for (; row + 4 <= to; row += 4)
        {
            TStored* w0 = weights + (long)row * width, w1 = w0 + width, w2 = w1 + width, w3 = w2 + width;
            Vector512<float> a0 = default, b0 = default, a1 = default, b1 = default, a2 = default, b2 = default, a3 = default, b3 = default;
            for (var k = 0; k < width; k += Step)
            {
                var (xa, xb) = (Vector512.Load(x + k), Vector512.Load(x + k + 16));
                a0 = Vector512.FusedMultiplyAdd(TFormat.Load(w0 + k), xa, a0);
                b0 = Vector512.FusedMultiplyAdd(TFormat.Load(w0 + k + 16), xb, b0);
                a1 = Vector512.FusedMultiplyAdd(TFormat.Load(w1 + k), xa, a1);
                b1 = Vector512.FusedMultiplyAdd(TFormat.Load(w1 + k + 16), xb, b1);
                a2 = Vector512.FusedMultiplyAdd(TFormat.Load(w2 + k), xa, a2);
                b2 = Vector512.FusedMultiplyAdd(TFormat.Load(w2 + k + 16), xb, b2);
                a3 = Vector512.FusedMultiplyAdd(TFormat.Load(w3 + k), xa, a3);
                b3 = Vector512.FusedMultiplyAdd(TFormat.Load(w3 + k + 16), xb, b3);
            }
            y[row] = Sum(a0, b0) * scales[row];
            y[row + 1] = Sum(a1, b1) * scales[row + 1];
            y[row + 2] = Sum(a2, b2) * scales[row + 2];
            y[row + 3] = Sum(a3, b3) * scales[row + 3];
        }
        for (; row < to; row++)
        {
            var w = weights + (long)row * width;
            Vector512<float> a = default, b = default;
            for (var k = 0; k < width; k += Step)
            {
                a = Vector512.FusedMultiplyAdd(TFormat.Load(w + k), Vector512.Load(x + k), a);
                b = Vector512.FusedMultiplyAdd(TFormat.Load(w + k + 16), Vector512.Load(x + k + 16), b);
            }
            y[row] = Sum(a, b) * scales[row];
        }
    }

    /// <summary>Four vectors, one row at a time: each weight is widened once.</summary>
    private static void Four(TStored* weights, float* scales, int width, int from, int to, float* x, float* y, int yStride)
    {
        float* x0 = x, x1 = x0 + width, x2 = x1 + width, x3 = x2 + width;
        for (var row = from; row < to; row++)
        {
            var w = weights + (long)row * width;
            Vector512<float> a0 = default, b0 = default, a1 = default, b1 = default, a2 = default, b2 = default, a3 = default, b3 = default;
            for (var k = 0; k < width; k += Step)
            {
                var (wa, wb) = (TFormat.Load(w + k), TFormat.Load(w + k + 16));
                a0 = Vector512.FusedMultiplyAdd(wa, Vector512.Load(x0 + k), a0);
                b0 = Vector512.FusedMultiplyAdd(wb, Vector512.Load(x0 + k + 16), b0);
                a1 = Vector512.FusedMultiplyAdd(wa, Vector512.Load(x1 + k), a1);
                b1 = Vector512.FusedMultiplyAdd(wb, Vector512.Load(x1 + k + 16), b1);
                a2 = Vector512.FusedMultiplyAdd(wa, Vector512.Load(x2 + k), a2);
                b2 = Vector512.FusedMultiplyAdd(wb, Vector512.Load(x2 + k + 16), b2);
                a3 = Vector512.FusedMultiplyAdd(wa, Vector512.Load(x3 + k), a3);
                b3 = Vector512.FusedMultiplyAdd(wb, Vector512.Load(x3 + k + 16), b3);
            }
            var scale = scales[row];
            var at = y + row;
            at[0] = Sum(a0, b0) * scale;
            at[yStride] = Sum(a1, b1) * scale;
            at[2 * yStride] = Sum(a2, b2) * scale;
            at[3 * yStride] = Sum(a3, b3) * scale;
        }
    }

    /// <summary>Eight vectors, one row at a time: sixteen sums, half of the registers.</summary>
    private static void Eight(TStored* weights, float* scales, int width, int from, int to, float* x, float* y, int yStride)
    {
        float* x0 = x, x1 = x0 + width, x2 = x1 + width, x3 = x2 + width, x4 = x3 + width, x5 = x4 + width, x6 = x5 + width, x7 = x6 + width;
        for (var row = from; row < to; row++)
        {
            var w = weights + (long)row * width;
            Vector512<float> a0 = default, b0 = default, a1 = default, b1 = default, a2 = default, b2 = default, a3 = default, b3 = default;
            Vector512<float> a4 = default, b4 = default, a5 = default, b5 = default, a6 = default, b6 = default, a7 = default, b7 = default;
            for (var k = 0; k < width; k += Step)
            {
                var (wa, wb) = (TFormat.Load(w + k), TFormat.Load(w + k + 16));
                a0 = Vector512.FusedMultiplyAdd(wa, Vector512.Load(x0 + k), a0);
                b0 = Vector512.FusedMultiplyAdd(wb, Vector512.Load(x0 + k + 16), b0);
                a1 = Vector512.FusedMultiplyAdd(wa, Vector512.Load(x1 + k), a1);
                b1 = Vector512.FusedMultiplyAdd(wb, Vector512.Load(x1 + k + 16), b1);
                a2 = Vector512.FusedMultiplyAdd(wa, Vector512.Load(x2 + k), a2);
                b2 = Vector512.FusedMultiplyAdd(wb, Vector512.Load(x2 + k + 16), b2);
                a3 = Vector512.FusedMultiplyAdd(wa, Vector512.Load(x3 + k), a3);
                b3 = Vector512.FusedMultiplyAdd(wb, Vector512.Load(x3 + k + 16), b3);
                a4 = Vector512.FusedMultiplyAdd(wa, Vector512.Load(x4 + k), a4);
                b4 = Vector512.FusedMultiplyAdd(wb, Vector512.Load(x4 + k + 16), b4);
                a5 = Vector512.FusedMultiplyAdd(wa, Vector512.Load(x5 + k), a5);
                b5 = Vector512.FusedMultiplyAdd(wb, Vector512.Load(x5 + k + 16), b5);
                a6 = Vector512.FusedMultiplyAdd(wa, Vector512.Load(x6 + k), a6);
                b6 = Vector512.FusedMultiplyAdd(wb, Vector512.Load(x6 + k + 16), b6);
                a7 = Vector512.FusedMultiplyAdd(wa, Vector512.Load(x7 + k), a7);
                b7 = Vector512.FusedMultiplyAdd(wb, Vector512.Load(x7 + k + 16), b7);
            }
            var scale = scales[row];
            var at = y + row;
            at[0] = Sum(a0, b0) * scale;
            at[yStride] = Sum(a1, b1) * scale;
            at[2 * yStride] = Sum(a2, b2) * scale;
            at[3 * yStride] = Sum(a3, b3) * scale;
            at[4 * yStride] = Sum(a4, b4) * scale;
            at[5 * yStride] = Sum(a5, b5) * scale;
            at[6 * yStride] = Sum(a6, b6) * scale;
            at[7 * yStride] = Sum(a7, b7) * scale;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Sum(Vector512<float> a, Vector512<float> b) => Vector512.Sum(a + b);
}
