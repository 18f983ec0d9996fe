namespace Moss.Trainer.Serving.Admission;

/// <summary>What one key, or all keys together, may have: requests and tokens a minute, and replies at the same time.</summary>
/// <param name="whose">For the sentence that refuses.</param>
/// <param name="atOnce">Replies in progress and waiting; 0 sets no limit.</param>
internal sealed class Limits(string whose, double requestsPerMinute, double tokensPerMinute, int atOnce, TimeProvider clock)
{
    private static readonly TimeSpan SoonAgain = TimeSpan.FromSeconds(1);

    private readonly Allowance _requests = new(requestsPerMinute, clock), _tokens = new(tokensPerMinute, clock);

    public int Replies { get; private set; }

    /// <summary>Why a request must wait, and how long; null when it need not.</summary>
    public (TimeSpan Wait, string Sentence)? Refuse(int replies, long tokens)
    {
        if (atOnce > 0 && Replies + replies > Math.Max(atOnce, replies)) return (SoonAgain,
            $"{whose} has {Replies:N0} replies in progress or waiting; at most {atOnce:N0} at once are allowed. Wait for one to end.");
        if (_requests.WaitFor(1) is var next && next > TimeSpan.Zero) return (next,
            $"{whose} has made {requestsPerMinute:N0} requests within a minute, which is the limit.");
        if (_tokens.WaitFor(tokens) is var later && later > TimeSpan.Zero) return (later,
            $"{whose} has asked for {tokensPerMinute:N0} tokens within a minute, which is the limit. A smaller max_tokens asks for fewer.");
        return null;
    }

    public void Take(int replies, long tokens)
    {
        Replies += replies;
        _requests.Take(1);
        _tokens.Take(tokens);
    }

    public void GiveBack(int replies, long unusedTokens)
    {
        Replies -= replies;
        _tokens.GiveBack(unusedTokens);
    }

    /// <summary>The request was not begun after all.</summary>
    public void Undo(int replies, long tokens)
    {
        GiveBack(replies, tokens);
        _requests.GiveBack(1);
    }
}
