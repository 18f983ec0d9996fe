using System.Globalization;
using System.Text;

namespace Moss.Model.Text;

/// <summary>
/// Cuts text into the pieces that BPE merges within: the published regular expressions as hand-written scanners.
/// </summary>
/// <remarks>.NET's Regex works on UTF-16 units and never matches \p{L} beyond U+FFFF, so it cuts rare scripts wrongly.</remarks>
internal abstract class SplitRule
{
    /// <summary>Qwen2, Qwen2.5, Qwen3: numbers digit by digit.</summary>
    public static readonly SplitRule Qwen = new ModernSplit(longestNumber: 1);

    /// <summary>Llama 3: numbers in groups of up to three digits.</summary>
    public static readonly SplitRule Llama3 = new ModernSplit(longestNumber: 3);

    /// <summary>GPT-2 and MOSS-003.</summary>
    public static readonly SplitRule Gpt2 = new Gpt2Split();

    /// <summary>SmolLM2: every digit alone, then as GPT-2 within what is left.</summary>
    public static readonly SplitRule Gpt2Digits = new Gpt2Split { DigitsAlone = true };

    /// <summary>End of the piece that starts at <paramref name="start"/>; always past it.</summary>
    public abstract int Next(ReadOnlySpan<char> text, int start);

    /// <summary>What the expressions distinguish: letters, numbers, white space and everything else.</summary>
    protected enum Kind : byte { Letter, Number, Space, Other, Surrogate }

    private static readonly Kind[] Kinds = [.. Enumerable.Range(0, 0x10000).Select(c =>
        char.IsSurrogate((char)c) ? Kind.Surrogate : KindOf(new Rune(c)))];

    protected static Kind KindAt(ReadOnlySpan<char> text, int at, out int next)
    {
        next = at + 1;
        var kind = Kinds[text[at]];
        if (kind != Kind.Surrogate) return kind;
        Rune.DecodeFromUtf16(text[at..], out var rune, out var length); // a lone surrogate reads as U+FFFD
        next = at + length;
        return KindOf(rune);
    }

    private static Kind KindOf(Rune rune)
    {
        if (Rune.IsWhiteSpace(rune)) return Kind.Space;
        return Rune.GetUnicodeCategory(rune) switch
        {
            <= UnicodeCategory.OtherLetter => Kind.Letter,               // Lu Ll Lt Lm Lo
            >= UnicodeCategory.DecimalDigitNumber and <= UnicodeCategory.OtherNumber => Kind.Number, // Nd Nl No
            _ => Kind.Other,
        };
    }

    protected static int Run(ReadOnlySpan<char> text, int at, Kind kind, int most = int.MaxValue)
    {
        for (; at < text.Length && most > 0 && KindAt(text, at, out var next) == kind; most--) at = next;
        return at;
    }

    /// <summary>\s+(?!\S)|\s+ : a run of white space leaves its last character to the word that follows.</summary>
    /// <param name="numbersApart">A number that follows was cut off before: nothing follows.</param>
    protected static int Spaces(ReadOnlySpan<char> text, int start, bool numbersApart = false)
    {
        var (at, last) = (start, start);
        while (at < text.Length && KindAt(text, at, out var next) == Kind.Space) (last, at) = (at, next);
        return at == text.Length || last == start || (numbersApart && KindAt(text, at, out _) == Kind.Number) ? at : last;
    }
}
