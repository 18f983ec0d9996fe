using Microsoft.Extensions.Options;
using Moss.Model;

namespace Moss.Trainer.Serving;

/// <summary>The one thread that generates: every reply in progress gets one token in turn, and a free place goes to whoever waits longest.</summary>
/// <remarks>
/// One thread, because TorchSharp's dispose scopes and no_grad belong to the thread that opened them.
/// <code>
/// request ──Reply──► waiting room ──► in progress: step, step, step … ──pieces──► request
///            (full: 429)            (client gone: dropped before its next step)
/// </code>
/// </remarks>
internal sealed class ReplyLoop(
    IOptions<ServeOptions> options, IHostApplicationLifetime lifetime, ILogger<ReplyLoop> logger) : IHostedService
{
    private const double SecondsPerReplyAtFirst = 2;

    private readonly WaitingRoom _room = new(options.Value.QueueLength);
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
        while (_room.TryTake(wait: false, out var waiting)) inProgress.Add(waiting);
        foreach (var reply in inProgress)
        {
            reply.Fail(new ApiRefusal(503, "The server is shutting down. Ask again in a minute.") { RetryAfterSeconds = 5 });
            reply.Dispose();
        }
        _ended.TrySetResult();
    }

    private void Turn(List<Reply> inProgress)
    {
        while (inProgress.Count < options.Value.ActiveReplies && _room.TryTake(wait: inProgress.Count == 0, out var next))
        {
            inProgress.Add(next);
            InProgress = inProgress.Count;
        }
        inProgress.RemoveAll(reply =>
        {
            if (reply.Step()) return false;
            Volatile.Write(ref _secondsPerReply, 0.9 * _secondsPerReply + 0.1 * reply.Milliseconds / 1_000);
            if (reply.End is { IsFaulted: true, Exception: var failed })
                logger.LogError(failed?.InnerException, "A reply by {Checkpoint} failed", reply.Checkpoint.Name);
            reply.Dispose();
            return true;
        });
        InProgress = inProgress.Count;
    }
}
