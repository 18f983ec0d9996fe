using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Moss.Data.Datasets;

/// <summary>Short stand-ins for texts in dictionaries: the first 128 bits of their SHA-256.</summary>
internal static class TextKey
{
    /// <summary>The same for texts that normalise alike.</summary>
    public static UInt128 Of(string text) => Exactly(SplitRule.Normalise(text));

    public static UInt128 Exactly(string text) => BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>A share from 0 to 1 that the text and the seed decide.</summary>
    public static double Share(string text, long seed) =>
        (ulong)(Exactly(FormattableString.Invariant($"{seed}:{text}")) >> 64) / (double)ulong.MaxValue;
}
