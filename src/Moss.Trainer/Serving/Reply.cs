using System.Threading.Channels;
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

    /// <summary>Makes one token. Called by the loop's thread alone.</summary>
    /// <returns>False when the reply has ended, whichever way.</returns>
    public bool Step()
    {
        if (abandoned.IsCancellationRequested)
        {
            Fail(new OperationCanceledException(abandoned));
            return false;
        }
        try
        {
            _generation ??= new Generation(lease.Checkpoint.Loaded, prompt, sampling);
            var more = _generation.Step(out var text);
            _firstTokenMs ??= Milliseconds;
            if (text.Length > 0) _pieces.Writer.TryWrite(text);
            if (!more) Finish(_generation);
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

    public void Dispose()
    {
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
