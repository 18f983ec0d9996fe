using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Moss.Model.Native;

/// <summary>How sixteen neighbouring numbers are read from memory as float32, and written back.</summary>
internal unsafe interface INumberFormat
{
    static abstract Vector512<float> Load(void* at, long index);
    static abstract void Store(void* at, long index, Vector512<float> values);
    static abstract float Read(void* at, long index);
    static abstract void Write(void* at, long index, float value);
}

/// <summary>float32.</summary>
internal readonly unsafe struct Full : INumberFormat
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(void* at, long index) => Vector512.Load((float*)at + index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(void* at, long index, Vector512<float> values) => values.Store((float*)at + index);

    public static float Read(void* at, long index) => ((float*)at)[index];
    public static void Write(void* at, long index, float value) => ((float*)at)[index] = value;
}

/// <summary>bfloat16: the upper half of a float32, rounded to the nearest and ties to even, as libtorch rounds.</summary>
internal readonly unsafe struct Half : INumberFormat
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(void* at, long index) =>
        (Vector512.WidenLower(Vector256.Load((ushort*)at + index).ToVector512Unsafe()) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(void* at, long index, Vector512<float> values)
    {
        var bits = values.AsUInt32();
        var rounded = (bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One)) >> 16;
        var kept = Vector512.ConditionalSelect(Vector512.Equals(values, values).AsUInt32(), rounded, Vector512.Create(0x7FC0u)); // rounding could make a number of none
        Vector512.Narrow(kept, kept).GetLower().Store((ushort*)at + index);
    }

    public static float Read(void* at, long index) => BitConverter.UInt32BitsToSingle((uint)((ushort*)at)[index] << 16);

    public static void Write(void* at, long index, float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        ((ushort*)at)[index] = float.IsNaN(value) ? (ushort)0x7FC0 : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}

/// <summary>Sixteen numbers at a time, and the fewer that are left at the end.</summary>
internal static unsafe class Lanes
{
    public const int Count = 16;

    /// <param name="end">Where the numbers end; lanes beyond it hold <paramref name="beyond"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load<T>(void* at, long index, long end, float beyond = 0) where T : struct, INumberFormat =>
        index + Count <= end ? T.Load(at, index) : LoadRest<T>(at, index, end, beyond);

    /// <summary>Writes only what lies before <paramref name="end"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(void* at, long index, long end, Vector512<float> values) where T : struct, INumberFormat
    {
        if (index + Count <= end) T.Store(at, index, values);
        else StoreRest<T>(at, index, end, values);
    }

    private static Vector512<float> LoadRest<T>(void* at, long index, long end, float beyond) where T : struct, INumberFormat
    {
        var values = Vector512.Create(beyond);
        for (var lane = 0; index + lane < end; lane++) values = values.WithElement(lane, T.Read(at, index + lane));
        return values;
    }

    private static void StoreRest<T>(void* at, long index, long end, Vector512<float> values) where T : struct, INumberFormat
    {
        for (var lane = 0; index + lane < end; lane++) T.Write(at, index + lane, values[lane]);
    }
}
