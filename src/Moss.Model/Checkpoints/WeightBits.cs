using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Moss.Model.Checkpoints;

/// <summary>
/// Weights as the bits of a file: whether they are finite, and 16-bit ones made 32-bit. Vectorised, while the bytes are still in
/// the core's cache.
/// </summary>
internal static class WeightBits
{
    private const float TwoTo112 = 5.192296858534828e33f; // exact

    /// <summary>False when any number is NaN or infinite: an exponent of ones alone, in all three formats.</summary>
    public static bool AreFinite(ReadOnlySpan<byte> bytes, ScalarType type) => type switch
    {
        ScalarType.Float32 => NoneHasAll(MemoryMarshal.Cast<byte, uint>(bytes), 0x7F80_0000u),
        ScalarType.Float16 => NoneHasAll(MemoryMarshal.Cast<byte, ushort>(bytes), (ushort)0x7C00),
        ScalarType.BFloat16 => NoneHasAll(MemoryMarshal.Cast<byte, ushort>(bytes), (ushort)0x7F80),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Weights are float32, float16 or bfloat16."),
    };

    /// <summary>Finite float16 or bfloat16 numbers to float32, exactly.</summary>
    public static void Widen(ReadOnlySpan<byte> from, ScalarType type, Span<byte> to)
    {
        var narrow = MemoryMarshal.Cast<byte, ushort>(from);
        var wide = MemoryMarshal.Cast<byte, uint>(to);
        var half = type == ScalarType.Float16;
        var i = 0;
        for (; i <= narrow.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(narrow[i..]), out var low, out var high);
            (half ? FromHalf(low) : low << 16).CopyTo(wide[i..]);
            (half ? FromHalf(high) : high << 16).CopyTo(wide[(i + Vector<uint>.Count)..]);
        }
        for (; i < narrow.Length; i++)
            wide[i] = half ? BitConverter.SingleToUInt32Bits((float)BitConverter.UInt16BitsToHalf(narrow[i])) : (uint)narrow[i] << 16;
    }

    // float16's exponent counts from 15, float32's from 127: shifted into place it is 2^112 too small, subnormals included.
    private static Vector<uint> FromHalf(Vector<uint> half)
    {
        var size = Vector.AsVectorSingle((half & new Vector<uint>(0x7FFF)) << 13) * new Vector<float>(TwoTo112);
        return Vector.AsVectorUInt32(size) | ((half & new Vector<uint>(0x8000)) << 16);
    }

    private static bool NoneHasAll<T>(ReadOnlySpan<T> numbers, T exponent) where T : unmanaged, IBinaryInteger<T>
    {
        var mask = new Vector<T>(exponent);
        var found = Vector<T>.Zero;
        var i = 0;
        for (; i <= numbers.Length - Vector<T>.Count; i += Vector<T>.Count) found |= Vector.Equals(new Vector<T>(numbers[i..]) & mask, mask);
        var none = found == Vector<T>.Zero;
        for (; i < numbers.Length; i++) none &= (numbers[i] & exponent) != exponent;
        return none;
    }
}
