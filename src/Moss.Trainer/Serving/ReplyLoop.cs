using Microsoft.Extensions.Options;
using Moss.Model;
using Moss.Model.Inference;
using Moss.Trainer.Serving.Admission;
using Moss.Trainer.Serving.Metering;

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
    IOptions<ServeOptions> options, Roster roster, ServeMeters meters, TimeProvider clock, IHostApplicationLifetime lifetime, ILogger<ReplyLoop> logger) : IHostedService
{
    /// <summary>Weight of the newest value in slow averages.</summary>
    private const double Newest = 0.1;

    private readonly WaitingRoom _room = new(options.Value.QueueLength);
    private readonly long _kvBytes = options.Value.KvBytes;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private double _turnSeconds;   // a slow average of turns that made tokens; 0 before the first
    private double _lengthShare = 1; // a slow average of a reply's tokens by those asked for
    private volatile Reply[] _now = []; // in progress, for others to read
    private volatile bool _stopping;

    public int Waiting => _room.Count;

    public int InProgress => _now.Length;

    public long KvBudget => _kvBytes;

    public long KvInUse => _now.Sum(r => r.Bytes);

    /// <summary>The reply's place in the queue from 1; 0 once it is in progress.</summary>
    public int PlaceOf(Reply reply) => _room.PlaceOf(reply);

    /// <summary>How long a reply asked for now will wait for a place, and how long until the queue gets shorter.</summary>
    public (TimeSpan Place, TimeSpan Shorter) Forecast()
    {
        var (now, waiting, share, turn) = (_now, _room.All, Volatile.Read(ref _lengthShare), Volatile.Read(ref _turnSeconds));
        // Where the next one waits although places are free, memory is what is short.
        var places = waiting.Count > 0 && now.Length > 0 ? Math.Min(options.Value.ActiveReplies, now.Length) : options.Value.ActiveReplies;
        var (place, shorter) = QueueForecast.Turns(now.Select(r => r.TurnsLeft(share)), [.. waiting.Select(r => r.TurnsLeft(share))], places);
        return (TimeSpan.FromSeconds(place * turn), TimeSpan.FromSeconds(shorter * turn));
    }

    /// <summary>Says no at once to whom would have to wait too long, before anything is done for the request.</summary>
    /// <exception cref="ApiRefusal">429, with the time after which there should be a place.</exception>
    public void RefuseIfBusy()
    {
        if (_room.IsFull) throw QueueFull();
        if (Forecast().Place is var wait && wait.TotalSeconds > options.Value.LongestWaitSeconds) throw ApiRefusal.Busy(
            $"A reply would have to wait about {wait.TotalSeconds:F0} s; this server lets nobody wait longer than {options.Value.LongestWaitSeconds:F0} s.",
            wait - TimeSpan.FromSeconds(options.Value.LongestWaitSeconds), "queue_too_slow");
    }

    /// <summary>Hands replies to the loop, all or none; it disposes each when done.</summary>
    /// <exception cref="ApiRefusal">429: too many wait already. The replies are still the caller's.</exception>
    public void Begin(IReadOnlyList<Reply> replies)
    {
        if (replies.Count > options.Value.QueueLength) throw ApiRefusal.Invalid("n",
            $"{replies.Count} replies are more than this server takes at once ({options.Value.QueueLength}). Ask for fewer.");
        if (!_room.TryEnter(replies)) throw QueueFull();
    }

    private ApiRefusal QueueFull() => _stopping
        ? new(503, "The server is shutting down. Ask again in a minute.") { RetryAfterSeconds = 5 }
        : ApiRefusal.Busy("Too many requests wait already.", Forecast().Shorter, "queue_full");

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
        foreach (var gone in inProgress.Where(r => r.Abandoned.IsCancellationRequested).ToList())
        {
            gone.Fail(new OperationCanceledException(gone.Abandoned));
            End(gone, inProgress);
        }
        while (inProgress.Count < options.Value.ActiveReplies && _room.TryTake(wait: inProgress.Count == 0, fits: reply => MakeRoom(reply, inProgress), out var next))
        {
            next.Begin();
            inProgress.Add(next);
        }
        if (_now.Length != inProgress.Count || !inProgress.SequenceEqual(_now)) _now = [.. inProgress];
        var started = clock.GetTimestamp();
        var ended = new List<Reply>();
        // One piece of one prompt between two steps: a long prompt delays the others by a piece, not by all of it.
        if (inProgress.FirstOrDefault(r => r.IsReading) is { } newcomer)
        {
            if (!newcomer.Read()) ended.Add(newcomer);
            if (!newcomer.IsReading) meters.Tokens(1);
        }
        var batches = inProgress.Except(ended).Where(r => !r.IsReading).GroupBy(r => r.Checkpoint).ToList();
        foreach (var batch in batches) ended.AddRange(Step(batch.Key.Decoder, [.. batch]));
        if (batches.Count > 0) Average(ref _turnSeconds, clock.GetElapsedTime(started).TotalSeconds);
        foreach (var reply in ended) End(reply, inProgress);
        if (ended.Count > 0) _now = [.. inProgress];
    }

    /// <summary>Whether a reply's keys and values fit beside those in progress; what any checkpoint keeps for later turns gives way.</summary>
    private bool MakeRoom(Reply reply, List<Reply> inProgress)
    {
        var left = _kvBytes - inProgress.Sum(r => r.Bytes) - reply.Bytes;
        if (left < 0 && inProgress.Count > 0) return false;
        var room = Math.Max(0, left);
        foreach (var checkpoint in inProgress.Append(reply).Select(r => r.Checkpoint).Concat(roster.InMemory).Distinct())
        {
            checkpoint.Prefixes.Shrink(room / checkpoint.BytesPerToken);
            room -= checkpoint.Prefixes.Tokens * checkpoint.BytesPerToken;
        }
        return true;
    }

    /// <returns>Those that have ended.</returns>
    private List<Reply> Step(StepDecoder decoder, Reply[] replies)
    {
        var ended = new List<Reply>();
        foreach (var some in replies.Chunk(decoder.MostSequences))
        {
            decoder.Step([.. some.Select(r => r.Next.Id)], [.. some.Select(r => r.Next.Cache)]);
            meters.Step(some.Length);
            for (var i = 0; i < some.Length; i++)
                if (!some[i].Continue(decoder.Logits(i))) ended.Add(some[i]);
        }
        return ended;
    }

    private void End(Reply reply, List<Reply> inProgress)
    {
        inProgress.Remove(reply);
        if (!reply.IsReading) meters.Prompt(reply.CachedTokens);
        if (reply.Ended is { } end)
        {
            meters.Ended(end);
            Average(ref _lengthShare, (double)end.CompletionTokens / reply.Sampling.MaxNewTokens);
        }
        if (reply.Failure is { } failure and not OperationCanceledException) logger.LogError(failure, "A reply by {Checkpoint} failed", reply.Checkpoint.Name);
        reply.Dispose();
    }

    private static void Average(ref double average, double value) =>
        Volatile.Write(ref average, average == 0 ? value : (1 - Newest) * average + Newest * value);
}
