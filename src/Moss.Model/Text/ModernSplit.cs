namespace Moss.Model.Text;

/// <summary>
/// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,n}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
/// </summary>
internal sealed class ModernSplit(int longestNumber) : SplitRule
{
    public override int Next(ReadOnlySpan<char> text, int start)
    {
        if (text[start] == '\'' && Contraction(text[(start + 1)..]) is > 0 and var length) return start + 1 + length;

        var kind = KindAt(text, start, out var next);
        if (kind == Kind.Letter) return Run(text, next, Kind.Letter);
        if (kind == Kind.Number) return Run(text, start, Kind.Number, longestNumber);
        if (text[start] is not ('\r' or '\n') && next < text.Length && KindAt(text, next, out var afterLetter) == Kind.Letter)
            return Run(text, afterLetter, Kind.Letter);
        if (kind == Kind.Other) return Breaks(text, Run(text, next, Kind.Other));
        if (text[start] == ' ' && next < text.Length && KindAt(text, next, out var afterMark) == Kind.Other)
            return Breaks(text, Run(text, afterMark, Kind.Other));

        var end = Run(text, next, Kind.Space);
        var lastBreak = text[start..end].LastIndexOfAny('\r', '\n');
        return lastBreak >= 0 ? start + lastBreak + 1 : Spaces(text, start);
    }

    private static int Breaks(ReadOnlySpan<char> text, int at)
    {
        while (at < text.Length && text[at] is '\r' or '\n') at++;
        return at;
    }

    // (?i:) folds the long s (U+017F) to s as well.
    private static int Contraction(ReadOnlySpan<char> rest)
    {
        if (rest.IsEmpty) return 0;
        var first = Fold(rest[0]);
        if (first is 's' or 't' or 'm' or 'd') return 1;
        if (rest.Length < 2) return 0;
        return (first, Fold(rest[1])) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? 2 : 0;
    }

    private static char Fold(char c) => c == 'ſ' ? 's' : char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c;
}
