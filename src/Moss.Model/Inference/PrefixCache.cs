namespace Moss.Model.Inference;

/// <summary>Keys and values of prompts that were read before, so that a conversation's next turn reads only what is new.</summary>
/// <remarks>
/// Only whole pieces of a prompt are kept, because a piece is always read in one pass and at the same place: whoever finds it here has the same bits as
/// whoever reads it again. A find is taken out, since a conversation goes on in one place. Any thread may call.
/// </remarks>
public sealed class PrefixCache(long mostTokens) : IDisposable
{
    private readonly LinkedList<(int[] Tokens, KvCache Cache)> _kept = []; // newest first
    private readonly Lock _gate = new();
    private long _tokens;

    /// <summary>Tokens for which memory is held.</summary>
    public long Tokens
    {
        get { lock (_gate) return _tokens; }
    }

    /// <summary>Prompts that began with something kept, and all prompts.</summary>
    public (long Found, long Asked) Count { get; private set; }

    /// <summary>The cache that shares the longest beginning with this prompt, cut to whole pieces that leave at least one token to read; or null.</summary>
    public KvCache? Take(ReadOnlySpan<int> prompt)
    {
        using var alone = _gate.EnterScope();
        var (best, longest) = (default(LinkedListNode<(int[] Tokens, KvCache Cache)>), 0);
        for (var node = _kept.First; node is not null; node = node.Next)
        {
            var shared = prompt[..^1].CommonPrefixLength(node.Value.Tokens) / Generation.Generation.PromptPiece * Generation.Generation.PromptPiece;
            if (shared > longest) (best, longest) = (node, shared);
        }
        Count = (Count.Found + (best is null ? 0 : 1), Count.Asked + 1);
        if (best is null) return null;
        _kept.Remove(best);
        _tokens -= best.Value.Cache.Capacity;
        best.Value.Cache.Rewind(longest);
        return best.Value.Cache;
    }

    /// <summary>Takes over a cache that has read this prompt; forgets the longest unused ones when there are too many.</summary>
    public void Keep(int[] prompt, KvCache cache)
    {
        var whole = (int)Math.Min(cache.Length, prompt.Length) / Generation.Generation.PromptPiece * Generation.Generation.PromptPiece;
        if (whole == 0 || cache.Capacity > mostTokens)
        {
            cache.Dispose();
            return;
        }
        cache.Rewind(whole);
        using var alone = _gate.EnterScope();
        _kept.AddFirst((prompt[..whole], cache));
        _tokens += cache.Capacity;
        Shrink(mostTokens);
    }

    /// <summary>Frees the longest unused ones until at most so many tokens' memory is held.</summary>
    public void Shrink(long most)
    {
        using var alone = _gate.EnterScope(); // a Lock may be entered again by the thread that holds it
        while (_tokens > most && _kept.Last is { } oldest)
        {
            _kept.RemoveLast();
            _tokens -= oldest.Value.Cache.Capacity;
            oldest.Value.Cache.Dispose();
        }
    }

    public void Dispose() => Shrink(-1);
}
