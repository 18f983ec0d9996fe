using System.Text;

namespace Moss.Annotate.Features.Conversations.Talking;

/// <summary>What a new conversation is called, and the language it seems to be in, from its first message.</summary>
public static class Titles
{
    private const int Longest = 80; // characters

    public static string Of(string text)
    {
        var line = text.Trim().ReplaceLineEndings(" ");
        if (line.Length <= Longest) return line;
        var end = line.LastIndexOf(' ', Longest - 1);
        return line[..(end > Longest / 2 ? end : Cut(line))] + "…";
    }

    /// <summary>"zh" when Han characters are in it; otherwise nobody said.</summary>
    public static string? Language(string text) =>
        text.EnumerateRunes().Any(r => r.Value is >= 0x4E00 and <= 0x9FFF or >= 0x3400 and <= 0x4DBF or >= 0x20000 and <= 0x3134F) ? "zh" : null;

    private static int Cut(string line) => char.IsHighSurrogate(line[Longest - 2]) ? Longest - 2 : Longest - 1;

    /// <summary>Bytes of the text as the database counts them.</summary>
    public static int Bytes(string text) => Encoding.UTF8.GetByteCount(text);
}
