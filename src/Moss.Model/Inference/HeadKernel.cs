using System.Runtime.Intrinsics;
using Moss.Model.Native;
using Half = Moss.Model.Native.Half;

namespace Moss.Model.Inference;

/// <summary>Attention of one query head of the newest token over its sequence's keys and values.</summary>
internal static unsafe class HeadKernel<TFormat, TStored> where TFormat : IWeightFormat<TStored> where TStored : unmanaged
{
    private const int Lanes = 16;

    /// <param name="query">(E), turned already.</param>
    /// <param name="keys">(seen, E).</param>
    /// <param name="values">(seen, E).</param>
    /// <param name="scores">Room for (seen).</param>
    /// <param name="mixed">(E) result.</param>
    public static void Attend(float* query, TStored* keys, TStored* values, int seen, int e, float* scores, float* mixed)
    {
        var scale = 1 / MathF.Sqrt(e);
        for (var s = 0; s < seen; s++) scores[s] = Dot(query, keys + (long)s * e, e) * scale;
        Vectors.Softmax(scores, seen);
        var i = 0;
        for (; i + 2 * Lanes <= e; i += 2 * Lanes)
        {
            Vector512<float> a = default, b = default;
            for (var s = 0; s < seen; s++)
            {
                var p = Vector512.Create(scores[s]);
                var v = values + (long)s * e + i;
                a = Vector512.FusedMultiplyAdd(p, TFormat.Load(v), a);
                b = Vector512.FusedMultiplyAdd(p, TFormat.Load(v + Lanes), b);
            }
            a.Store(mixed + i);
            b.Store(mixed + i + Lanes);
        }
        for (; i < e; i++)
        {
            var sum = 0f;
            for (var s = 0; s < seen; s++) sum += scores[s] * Single(values + (long)s * e + i);
            mixed[i] = sum;
        }
    }

    private static float Dot(float* query, TStored* key, int e)
    {
        var (sum, i) = (Vector512<float>.Zero, 0);
        for (; i + Lanes <= e; i += Lanes) sum = Vector512.FusedMultiplyAdd(Vector512.Load(query + i), TFormat.Load(key + i), sum);
        var total = Vector512.Sum(sum);
        for (; i < e; i++) total += query[i] * Single(key + i);
        return total;
    }

    private static float Single(TStored* at) =>
        typeof(TStored) == typeof(ushort) ? Half.Read(at, 0) : Full.Read(at, 0);
}
