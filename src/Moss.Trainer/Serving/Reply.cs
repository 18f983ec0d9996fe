using Moss.Model;
using Moss.Model.Generation;

namespace Moss.Trainer.Serving;

/// <summary>The tokens that a reply goes on from, and how it is drawn.</summary>
internal sealed record ReplyPrompt(int[] Tokens, SamplingOptions Sampling);

/// <summary>One reply in the making: the request reads its pieces, the <see cref="ReplyLoop"/> makes them.</summary>
/// <remarks>The lease is held until the loop is done, so a checkpoint replaced meanwhile still finishes what it began.</remarks>
internal sealed class Reply(ReplyGroup group, CheckpointLease lease, int index, int[] prompt, SamplingOptions sampling) : IDisposable
{
    private Generation? _generation;
    private double? _begunMs, _firstTokenMs;
    private long _room; // tokens that its cache has room for, where an earlier turn made it
    private volatile int _made;

    public ServedCheckpoint Checkpoint => lease.Checkpoint;
    public SamplingOptions Sampling => sampling;
    public CancellationToken Abandoned => group.Abandoned;

    /// <summary>Its number among the request's replies.</summary>
    public int Index => index;

    /// <summary>Why it could not be finished.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Set once it is whole.</summary>
    public ReplyEnd? Ended { get; private set; }

    public double Milliseconds => group.Clock.GetElapsedTime(group.ReceivedAt).TotalMilliseconds;

    /// <summary>Memory that its keys and values can come to, in bytes.</summary>
    public long Bytes => Math.Max(Checkpoint.BytesFor(prompt.Length, sampling.MaxNewTokens), Checkpoint.BytesPerToken * Volatile.Read(ref _room));

    /// <summary>Tokens of the prompt and of what has been made.</summary>
    public int TokensSoFar => prompt.Length + _made;

    /// <summary>Turns of the loop that it will still take: a piece of the prompt each, then a token each.</summary>
    /// <param name="share">Of the tokens asked for, the share that replies really come to.</param>
    public double TurnsLeft(double share)
    {
        var made = _made;
        var reading = made > 0 ? 0 : (prompt.Length + Generation.PromptPiece - 1) / Generation.PromptPiece;
        return reading + Math.Max(1, sampling.MaxNewTokens * share - made);
    }

    /// <summary>Some of the prompt is still to be read.</summary>
    public bool IsReading => _generation?.IsReading ?? true;

    /// <summary>The newest token, which the network has not seen yet, and what it has seen.</summary>
    public (int Id, KvCache Cache) Next => (_generation!.Newest, _generation.Cache);

    /// <summary>Tokens of the prompt that an earlier turn had read already, once it has begun.</summary>
    public int CachedTokens => _generation?.CachedTokens ?? 0;

    /// <summary>It has a place now.</summary>
    public void Begin() => _begunMs = Milliseconds;

    /// <summary>Reads the next piece of the prompt; the last piece makes the first token. Called by the loop's thread alone.</summary>
    /// <returns>False when the reply has ended, whichever way.</returns>
    public bool Read() => Advance([], reading: true);

    /// <summary>Chooses the next token from the scores that follow the newest. Called by the loop's thread alone.</summary>
    /// <returns>False when the reply has ended, whichever way.</returns>
    public bool Continue(Span<float> logits) => Advance(logits, reading: false);

    private bool Advance(Span<float> logits, bool reading)
    {
        if (Abandoned.IsCancellationRequested)
        {
            Fail(new OperationCanceledException(Abandoned));
            return false;
        }
        try
        {
            _generation ??= Begun();
            var more = reading ? _generation.Read(out var text) : _generation.Continue(logits, out text);
            _made = _generation.CompletionTokens;
            if (_made > 0) _firstTokenMs ??= Milliseconds;
            if (!more) Ended = End(_generation);
            var chosen = _generation.TakeChosen();
            if (!more || text.Length > 0 || chosen.Count > 0) group.Add(new ReplyPiece(this, text, chosen, Ended));
            return more;
        }
        catch (Exception e)
        {
            Fail(e); // this request alone: the loop goes on with the others
            return false;
        }
    }

    /// <summary>What an earlier turn read may have more room than this one asks for.</summary>
    private Generation Begun()
    {
        var begun = Checkpoint.Prefixes.Take(prompt);
        Volatile.Write(ref _room, begun?.Capacity ?? 0);
        return new Generation(Checkpoint.Loaded, prompt, sampling, begun);
    }

    public void Fail(Exception reason)
    {
        Failure = reason;
        group.Fail(reason);
    }

    /// <summary>Ends it for good. Called by the loop's thread; what the prompt's keys and values are stays for the conversation's next turn.</summary>
    public void Dispose()
    {
        if (Ended is not null && _generation is { IsReading: false })
        {
            var (read, cache) = _generation.TakeCache();
            Checkpoint.Prefixes.Keep(read, cache);
        }
        _generation?.Dispose();
        lease.Dispose();
    }

    private ReplyEnd End(Generation generation) => new(
        generation.StopReason ?? Generation.StoppedByToken, generation.PromptTokens, generation.CachedTokens, generation.CompletionTokens,
        _begunMs ?? 0, _firstTokenMs ?? Milliseconds, Milliseconds, generation.SumLogProb);
}
