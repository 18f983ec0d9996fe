using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Moss.Model.Native;
using Half = Moss.Model.Native.Half;

namespace Moss.Model.Inference;

/// <summary>How a weight lies in memory; the kernels are compiled once per format.</summary>
internal unsafe interface IWeightFormat<TStored> where TStored : unmanaged
{
    /// <summary>Stores a row and gives the number that it has to be multiplied with.</summary>
    static abstract float Store(ReadOnlySpan<float> row, TStored* at);

    /// <summary>Sixteen weights from here on, as numbers.</summary>
    static abstract Vector512<float> Load(TStored* at);
}

/// <summary>Eight bits per weight; a row's numbers are these times the row's scale.</summary>
internal readonly unsafe struct Int8Format : IWeightFormat<sbyte>
{
    // Symmetric: the largest number of a row is 127.
    public static float Store(ReadOnlySpan<float> row, sbyte* at)
    {
        var largest = 0f;
        foreach (var number in row) largest = Math.Max(largest, Math.Abs(number));
        for (var i = 0; i < row.Length; i++) at[i] = largest == 0 ? (sbyte)0 : (sbyte)MathF.Round(row[i] / largest * 127);
        return largest / 127;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(sbyte* at) =>
        Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load(at)));
}

/// <summary>The upper half of a float32.</summary>
internal readonly unsafe struct BFloat16Format : IWeightFormat<ushort>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(ushort* at) => Half.Load(at, 0);

    public static float Store(ReadOnlySpan<float> row, ushort* at)
    {
        for (var i = 0; i < row.Length; i++) Half.Write(at, i, row[i]);
        return 1;
    }
}

internal readonly unsafe struct Float32Format : IWeightFormat<float>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* at) => Full.Load(at, 0);

    public static float Store(ReadOnlySpan<float> row, float* at)
    {
        row.CopyTo(new Span<float>(at, row.Length));
        return 1;
    }
}
