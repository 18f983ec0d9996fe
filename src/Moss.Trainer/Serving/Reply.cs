using System.Threading.Channels;
using Moss.Model;
using Moss.Model.Generation;

namespace Moss.Trainer.Serving;

/// <summary>One reply in the making: the request reads its pieces, the <see cref="ReplyLoop"/> makes them.</summary>
/// <remarks>The lease is held until the loop is done, so a checkpoint replaced meanwhile still finishes what it began.</remarks>
internal sealed class Reply(
    CheckpointLease lease, int[] prompt, SamplingOptions sampling, long receivedAt, TimeProvider clock, CancellationToken abandoned) : IDisposable
{
    // Never more pieces than the context has tokens, so a client that reads slowly costs little.
    private readonly Channel<string> _pieces = Channel.CreateUnbounded<string>(new() { SingleReader = true, SingleWriter = true });
    private readonly TaskCompletionSource<ReplyEnd> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Generation? _generation;
    private double? _firstTokenMs;

    public ServedCheckpoint Checkpoint => lease.Checkpoint;
    public SamplingOptions Sampling => sampling;
    public CancellationToken Abandoned => abandoned;
    public ChannelReader<string> Pieces => _pieces.Reader;

    /// <summary>Completes after the last piece; fails when the reply could not be finished.</summary>
    public Task<ReplyEnd> End => _end.Task;

    public double Milliseconds => clock.GetElapsedTime(receivedAt).TotalMilliseconds;

    /// <summary>Memory that its keys and values can come to, in bytes.</summary>
    public long Bytes => Checkpoint.BytesFor(prompt.Length, sampling.MaxNewTokens);

    /// <summary>Some of the prompt is still to be read.</summary>
    public bool IsReading => _generation?.IsReading ?? true;

    /// <summary>The newest token, which the network has not seen yet, and what it has seen.</summary>
    public (int Id, KvCache Cache) Next => (_generation!.Newest, _generation.Cache);

    /// <summary>Reads the next piece of the prompt; the last piece makes the first token. Called by the loop's thread alone.</summary>
    /// <returns>False when the reply has ended, whichever way.</returns>
    public bool Read() => Advance((out string text) =>
    {
        _generation ??= new Generation(Checkpoint.Loaded, prompt, sampling, Checkpoint.Prefixes.Take(prompt));
        return _generation.Read(out text);
    });

    /// <summary>Chooses the next token from the scores that follow the newest. Called by the loop's thread alone.</summary>
    /// <returns>False when the reply has ended, whichever way.</returns>
    public unsafe bool Continue(Span<float> logits)
    {
        fixed (float* start = logits)
        {
            var (from, count) = ((nint)start, logits.Length);
            return Advance((out string text) => _generation!.Continue(new Span<float>((void*)from, count), out text));
        }
    }

    private delegate bool Step(out string text);

    private bool Advance(Step step)
    {
        if (abandoned.IsCancellationRequested)
        {
            Fail(new OperationCanceledException(abandoned));
            return false;
        }
        try
        {
            var more = step(out var text);
            if (!IsReading) _firstTokenMs ??= Milliseconds;
            if (text.Length > 0) _pieces.Writer.TryWrite(text);
            if (!more) Finish(_generation!);
            return more;
        }
        catch (Exception e)
        {
            Fail(e); // this reply alone: the loop goes on with the others
            return false;
        }
    }

    public void Fail(Exception reason)
    {
        if (reason is OperationCanceledException) _end.TrySetCanceled(abandoned);
        else if (_end.TrySetException(reason)) _ = _end.Task.Exception; // observed, should nobody await it any more
        _pieces.Writer.TryComplete();
    }

    /// <summary>Ends it for good. Called by the loop's thread; what the prompt's keys and values are stays for the conversation's next turn.</summary>
    public void Dispose()
    {
        if (_generation is { IsReading: false } && End.IsCompletedSuccessfully)
        {
            var (read, cache) = _generation.TakeCache();
            Checkpoint.Prefixes.Keep(read, cache);
        }
        _generation?.Dispose();
        lease.Dispose();
    }

    private void Finish(Generation generation)
    {
        _end.TrySetResult(new ReplyEnd(generation.StopReason ?? "stop", generation.PromptTokens, generation.CompletionTokens,
            _firstTokenMs ?? Milliseconds, Milliseconds, generation.SumLogProb));
        _pieces.Writer.TryComplete();
    }
}
