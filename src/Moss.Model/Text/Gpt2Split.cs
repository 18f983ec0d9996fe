namespace Moss.Model.Text;

/// <summary>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</summary>
internal sealed class Gpt2Split : SplitRule
{
    /// <summary>Isolate each digit first, so that no other piece sees beyond it.</summary>
    public bool DigitsAlone { get; init; }

    public override int Next(ReadOnlySpan<char> text, int start)
    {
        if (DigitsAlone && KindAt(text, start, out var afterDigit) == Kind.Number) return afterDigit;
        if (text[start] == '\'' && Contraction(text[(start + 1)..]) is > 0 and var length) return start + 1 + length;

        var word = text[start] == ' ' && start + 1 < text.Length ? start + 1 : start;
        var kind = KindAt(text, word, out var next);
        if (kind == Kind.Space) return Spaces(text, start, DigitsAlone);
        return DigitsAlone && kind == Kind.Number ? word : Run(text, next, kind); // a space before a digit stays by itself
    }

    private static int Contraction(ReadOnlySpan<char> rest) => rest switch
    {
        ['s' or 't' or 'm' or 'd', ..] => 1,
        ['r' or 'v', 'e', ..] or ['l', 'l', ..] => 2,
        _ => 0,
    };
}
