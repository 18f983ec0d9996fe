using System.Text;

namespace Moss.Annotate.Features.Conversations.Rendering;

/// <summary>Text in which nothing hides: control characters and direction overrides become visible signs.</summary>
public static class SafeText
{
    public static string Visible(string text)
    {
        var first = text.AsSpan().IndexOfAnyExcept(Harmless);
        if (first < 0) return text;
        var shown = new StringBuilder(text.Length + 16);
        foreach (var c in text) Append(shown, c);
        return shown.ToString();
    }

    private static readonly System.Buffers.SearchValues<char> Harmless = System.Buffers.SearchValues.Create(
        Enumerable.Range(0, 0x10000).Select(i => (char)i).Where(c => Sign(c) is null).ToArray());

    private static void Append(StringBuilder shown, char c)
    {
        if (Sign(c) is { } sign) shown.Append(sign);
        else shown.Append(c);
    }

    private static string? Sign(char c) => c switch
    {
        '\n' or '\r' or '\t' => null,
        < ' ' => ((char)(0x2400 + c)).ToString(), // Unicode's control pictures
        '\x7F' => "\u2421",
        >= '\x80' and <= '\x9F' => "\uFFFD",
        '\u202A' => "⟦LRE⟧",
        '\u202B' => "⟦RLE⟧",
        '\u202C' => "⟦PDF⟧",
        '\u202D' => "⟦LRO⟧",
        '\u202E' => "⟦RLO⟧",
        '\u2066' => "⟦LRI⟧",
        '\u2067' => "⟦RLI⟧",
        '\u2068' => "⟦FSI⟧",
        '\u2069' => "⟦PDI⟧",
        _ => null,
    };
}
