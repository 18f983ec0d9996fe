namespace Moss.Model.Text;

/// <summary>Finds added tokens in text, the longest one wherever several begin.</summary>
internal sealed class AddedTokens
{
    private readonly Dictionary<char, (string Text, int Id)[]> _byFirst;
    private readonly System.Buffers.SearchValues<char> _firsts;

    public AddedTokens(IEnumerable<(string Text, int Id)> tokens)
    {
        _byFirst = tokens.GroupBy(t => t.Text[0]).ToDictionary(g => g.Key, g => g.OrderByDescending(t => t.Text.Length).ToArray());
        _firsts = System.Buffers.SearchValues.Create([.. _byFirst.Keys]);
    }

    /// <summary>Calls <paramref name="between"/> for each stretch without a token and <paramref name="token"/> for each token, in order.</summary>
    public void Split(string text, Action<string> between, Action<int> token)
    {
        var (start, at) = (0, 0);
        while (at < text.Length)
        {
            var skip = text.AsSpan(at).IndexOfAny(_firsts);
            if (skip < 0) break;
            at += skip;
            if (Match(text, at) is not (var found, var id))
            {
                at++;
                continue;
            }
            if (at > start) between(text[start..at]);
            token(id);
            start = at += found;
        }
        if (start < text.Length) between(start == 0 ? text : text[start..]);
    }

    private (int Length, int Id)? Match(string text, int at)
    {
        foreach (var (candidate, id) in _byFirst[text[at]])
            if (string.CompareOrdinal(text, at, candidate, 0, candidate.Length) == 0) return (candidate.Length, id);
        return null;
    }
}
