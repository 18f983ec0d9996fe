using System.Numerics;

namespace Moss.Trainer.Training.Watching;

/// <summary>CRC-32C (Castagnoli), as TFRecord files frame their records. RFC 3720, appendix B.4 has the check values.</summary>
internal static class Crc32C
{
    /// <summary>Added after the rotation, so that a checksum of bytes that hold a checksum is not degenerate.</summary>
    private const uint MaskDelta = 0xA282EAD8;

    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        var crc = ~0u;
        foreach (var b in bytes) crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }

    /// <summary>The form that stands in the file: rotated right by 15 bits, plus a constant.</summary>
    public static uint Masked(ReadOnlySpan<byte> bytes) => unchecked(BitOperations.RotateRight(Of(bytes), 15) + MaskDelta);
}
