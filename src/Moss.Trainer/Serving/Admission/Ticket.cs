namespace Moss.Trainer.Serving.Admission;

/// <summary>A request's share of the limits, from its admission to its end.</summary>
/// <param name="tokens">The prompt and all that was asked for; what is not used is given back.</param>
internal sealed class Ticket(Lock gate, Limits key, Limits total, int replies, long tokens)
{
    private int _given;

    public void GiveBack(long usedTokens)
    {
        if (Interlocked.Exchange(ref _given, 1) == 1) return;
        lock (gate)
        {
            key.GiveBack(replies, Math.Max(0, tokens - usedTokens));
            total.GiveBack(replies, Math.Max(0, tokens - usedTokens));
        }
    }

    /// <summary>As if it had never been asked for: there was no place in the queue.</summary>
    public void Undo()
    {
        if (Interlocked.Exchange(ref _given, 1) == 1) return;
        lock (gate)
        {
            key.Undo(replies, tokens);
            total.Undo(replies, tokens);
        }
    }
}
