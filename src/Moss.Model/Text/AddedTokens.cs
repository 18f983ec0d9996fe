using System.Buffers;

namespace Moss.Model.Text;

/// <summary>Finds added tokens in text: the leftmost place where one begins, and there the longest.</summary>
internal sealed class AddedTokens
{
    private readonly SearchValues<string>? _any; // null when there is none
    private readonly Dictionary<char, (string Text, int Id)[]> _longestFirst;

    public AddedTokens(IEnumerable<(string Text, int Id)> tokens)
    {
        _longestFirst = tokens.GroupBy(t => t.Text[0])
            .ToDictionary(g => g.Key, g => g.OrderByDescending(t => t.Text.Length).ToArray());
        var texts = _longestFirst.Values.SelectMany(t => t).Select(t => t.Text).ToArray();
        if (texts.Length > 0) _any = SearchValues.Create(texts, StringComparison.Ordinal);
    }

    /// <summary>The first token in <paramref name="text"/>: where it begins, how many characters it has, its id.</summary>
    public bool TryFind(ReadOnlySpan<char> text, out int at, out int length, out int id)
    {
        at = _any is null ? -1 : text.IndexOfAny(_any);
        if (at >= 0)
            foreach (var (candidate, candidateId) in _longestFirst[text[at]])
                if (text[at..].StartsWith(candidate, StringComparison.Ordinal))
                {
                    (length, id) = (candidate.Length, candidateId);
                    return true;
                }
        (length, id) = (0, -1);
        return false;
    }
}
