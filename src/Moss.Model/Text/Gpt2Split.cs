namespace Moss.Model.Text;

/// <summary>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</summary>
internal sealed class Gpt2Split : SplitRule
{
    /// <summary>Isolate each digit first, so that no other piece sees beyond it.</summary>
    public bool DigitsAlone { get; init; }

    public override int Next(ReadOnlySpan<char> text, int start)
    {
        if (DigitsAlone)
        {
            if (KindAt(text, start, out var afterDigit) == Kind.Number) return afterDigit;
            var end = start;
            while (end < text.Length && KindAt(text, end, out var after) != Kind.Number) end = after;
            text = text[..end];
        }
        if (text[start] == '\'' && Contraction(text[(start + 1)..]) is > 0 and var length) return start + 1 + length;

        var word = text[start] == ' ' && start + 1 < text.Length ? start + 1 : start;
        var kind = KindAt(text, word, out var next);
        return kind == Kind.Space ? Spaces(text, start) : Run(text, next, kind);
    }

    private static int Contraction(ReadOnlySpan<char> rest) => rest switch
    {
        ['s' or 't' or 'm' or 'd', ..] => 1,
        ['r' or 'v', 'e', ..] or ['l', 'l', ..] => 2,
        _ => 0,
    };
}
