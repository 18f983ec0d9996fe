using System.Text;

namespace Moss.Model.Text;

/// <summary>GPT-2's spelling of bytes: every byte is written as one printable character in vocabulary files.</summary>
internal static class ByteSymbols
{
    private static readonly char[] Characters = Build();
    private static readonly Dictionary<char, byte> Bytes = Characters.Select((c, b) => (c, b)).ToDictionary(p => p.c, p => (byte)p.b);

    public static char Of(byte value) => Characters[value];

    /// <summary>Bytes in GPT-2's order: printable ASCII, Latin-1, then the rest. Vocabularies list them so.</summary>
    public static IEnumerable<byte> InOrder => Enumerable.Range(0, 256).Select(b => (byte)b).OrderBy(b => Characters[b]);

    /// <summary>The bytes a vocabulary entry stands for, or null when a character is no byte's.</summary>
    public static byte[]? Decode(string symbol)
    {
        var bytes = new byte[symbol.Length];
        for (var i = 0; i < symbol.Length; i++)
            if (!Bytes.TryGetValue(symbol[i], out bytes[i])) return null;
        return bytes;
    }

    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        foreach (var b in bytes) text.Append(Characters[b]);
        return text.ToString();
    }

    private static char[] Build()
    {
        var characters = new char[256];
        var moved = 256; // bytes that do not print are written from U+0100 on
        for (var b = 0; b < 256; b++)
            characters[b] = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)b : (char)moved++;
        return characters;
    }
}
