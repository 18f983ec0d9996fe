using Microsoft.Extensions.Options;
using Moss.Model;
using Moss.Model.Inference;

namespace Moss.Trainer.Serving;

/// <summary>The one thread that generates: all replies in progress get their next token together, and a free place goes to whoever waits longest.</summary>
/// <remarks>
/// One thread, because TorchSharp's dispose scopes and no_grad belong to the thread that opened them.
/// <code>
/// request ──Reply──► waiting room ──► in progress: a piece of one prompt, a token of every reply, a piece … ──pieces──► request
///            (full: 429)              (client gone: dropped before the next step)
/// </code>
/// </remarks>
internal sealed class ReplyLoop(
    IOptions<ServeOptions> options, IHostApplicationLifetime lifetime, ILogger<ReplyLoop> logger) : IHostedService
{
    private const double SecondsPerReplyAtFirst = 2;

    private readonly WaitingRoom _room = new(options.Value.QueueLength);
    private readonly long _kvBytes = options.Value.KvBytes;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private double _secondsPerReply = SecondsPerReplyAtFirst; // a slow average, for Retry-After
    private volatile bool _stopping;

    public int Waiting => _room.Count;

    public int InProgress { get; private set; }

    /// <summary>Hands a reply to the loop, which disposes it when done. False when too many wait already; it is then still the caller's.</summary>
    public bool TryBegin(Reply reply) => _room.TryEnter(reply);

    /// <summary>When a place should be free again, from how long replies have taken lately, in seconds.</summary>
    public int RetryAfterSeconds =>
        (int)Math.Clamp(Math.Ceiling(Volatile.Read(ref _secondsPerReply) * (Waiting + 1) / options.Value.ActiveReplies), 1, 120);

    public Task StartAsync(CancellationToken cancellation)
    {
        TorchRuntime.SetThreads(options.Value.Threads > 0 ? options.Value.Threads : Environment.ProcessorCount);
        new Thread(Run) { IsBackground = true, Name = "replies" }.Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellation)
    {
        _stopping = true;
        _room.Close();
        return _ended.Task.WaitAsync(cancellation);
    }

    private void Run()
    {
        var inProgress = new List<Reply>();
        try
        {
            while (!_stopping) Turn(inProgress);
        }
        catch (Exception e)
        {
            // Not one reply's trouble but the loop's: a process that cannot generate must end, so that it is started anew.
            logger.LogCritical(e, "Generating has stopped; the server ends so that it can be started anew");
            Environment.ExitCode = 1;
            lifetime.StopApplication();
        }
        while (_room.TryTake(wait: false, fits: _ => true, out var waiting)) inProgress.Add(waiting);
        foreach (var reply in inProgress)
        {
            reply.Fail(new ApiRefusal(503, "The server is shutting down. Ask again in a minute.") { RetryAfterSeconds = 5 });
            reply.Dispose();
        }
        _ended.TrySetResult();
    }

    private void Turn(List<Reply> inProgress)
    {
        while (inProgress.Count < options.Value.ActiveReplies && _room.TryTake(wait: inProgress.Count == 0, fits: reply => MakeRoom(reply, inProgress), out var next))
        {
            inProgress.Add(next);
            InProgress = inProgress.Count;
        }
        var ended = new List<Reply>();
        // One piece of one prompt between two steps: a long prompt delays the others by a piece, not by all of it.
        if (inProgress.FirstOrDefault(r => r.IsReading) is { } newcomer && !newcomer.Read()) ended.Add(newcomer);
        foreach (var batch in inProgress.Except(ended).Where(r => !r.IsReading).GroupBy(r => r.Checkpoint)) ended.AddRange(Step(batch.Key.Decoder, [.. batch]));
        foreach (var reply in ended) End(reply, inProgress);
        InProgress = inProgress.Count;
    }

    /// <summary>Whether a reply's keys and values fit beside those in progress; what is kept for later turns gives way.</summary>
    private bool MakeRoom(Reply reply, List<Reply> inProgress)
    {
        var left = _kvBytes - inProgress.Sum(r => r.Bytes) - reply.Bytes;
        if (left < 0 && inProgress.Count > 0) return false;
        foreach (var checkpoint in inProgress.Append(reply).Select(r => r.Checkpoint).Distinct())
            checkpoint.Prefixes.Shrink(Math.Max(0, left) / checkpoint.BytesPerToken);
        return true;
    }

    /// <returns>Those that have ended.</returns>
    private static List<Reply> Step(StepDecoder decoder, Reply[] replies)
    {
        var ended = new List<Reply>();
        foreach (var some in replies.Chunk(decoder.MostSequences))
        {
            decoder.Step([.. some.Select(r => r.Next.Id)], [.. some.Select(r => r.Next.Cache)]);
            for (var i = 0; i < some.Length; i++)
                if (!some[i].Continue(decoder.Logits(i))) ended.Add(some[i]);
        }
        return ended;
    }

    private void End(Reply reply, List<Reply> inProgress)
    {
        inProgress.Remove(reply);
        Volatile.Write(ref _secondsPerReply, 0.9 * _secondsPerReply + 0.1 * reply.Milliseconds / 1_000);
        if (reply.End is { IsFaulted: true, Exception: var failed })
            logger.LogError(failed?.InnerException, "A reply by {Checkpoint} failed", reply.Checkpoint.Name);
        reply.Dispose();
    }
}
