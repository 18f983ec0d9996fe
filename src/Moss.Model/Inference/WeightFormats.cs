using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Moss.Model.Inference;

/// <summary>How a weight lies in memory; the kernels are compiled once per format.</summary>
internal unsafe interface IWeightFormat<TStored> where TStored : unmanaged
{
    /// <summary>Sixteen weights from here on, as numbers.</summary>
    static abstract Vector512<float> Load(TStored* at);
}

/// <summary>Eight bits per weight; a row's numbers are these times the row's scale.</summary>
internal readonly unsafe struct Int8Format : IWeightFormat<sbyte>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(sbyte* at) =>
        Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load(at)));
}

/// <summary>The upper half of a float32.</summary>
internal readonly unsafe struct BFloat16Format : IWeightFormat<ushort>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(ushort* at) =>
        Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(Vector256.Load(at)), 16).AsSingle();
}

internal readonly unsafe struct Float32Format : IWeightFormat<float>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* at) => Vector512.Load(at);
}
