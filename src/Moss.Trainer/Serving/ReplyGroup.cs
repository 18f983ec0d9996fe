using System.Threading.Channels;
using Moss.Trainer.Serving.Admission;

namespace Moss.Trainer.Serving;

/// <summary>The replies that one request asked for, by one checkpoint: their pieces come through one channel, and they are given up together.</summary>
internal sealed class ReplyGroup : IDisposable
{
    // Never more pieces than the context has tokens, so a client that reads slowly costs little.
    private readonly Channel<ReplyPiece> _pieces = Channel.CreateUnbounded<ReplyPiece>(new() { SingleReader = true });
    private readonly CancellationTokenSource _abandoned;
    private readonly Ticket _ticket;
    private int _left, _disposed;

    /// <param name="lease">Each reply gets a share, and the last to end gives it back.</param>
    /// <param name="prompts">One for each reply.</param>
    /// <param name="ticket">Given back when the group is disposed.</param>
    public ReplyGroup(
        ReplyRequest request, CheckpointLease lease, IReadOnlyList<ReplyPrompt> prompts, Ticket ticket, int droppedTurns,
        long receivedAt, TimeProvider clock, CancellationToken clientGone)
    {
        (Checkpoint, DroppedTurns, ReceivedAt, Clock, _ticket, _left) = (lease.Checkpoint, droppedTurns, receivedAt, clock, ticket, prompts.Count);
        _abandoned = CancellationTokenSource.CreateLinkedTokenSource(clientGone);
        Abandoned = _abandoned.Token;
        Choices = request.Choices;
        var leases = lease.Split(prompts.Count);
        Replies = [.. prompts.Select((prompt, i) => new Reply(this, leases[i], i, prompt.Tokens, prompt.Sampling))];
    }

    public ServedCheckpoint Checkpoint { get; }
    public IReadOnlyList<Reply> Replies { get; }

    /// <summary>Replies to each prompt; those to one prompt stand side by side in <see cref="Replies"/>.</summary>
    public int Choices { get; }

    public int DroppedTurns { get; }
    public long ReceivedAt { get; }
    public TimeProvider Clock { get; }

    /// <summary>The client has gone, or the request has ended some other way: no reply needs to go on.</summary>
    public CancellationToken Abandoned { get; }

    /// <summary>Completes after the last piece of the last reply; fails as soon as one reply cannot be finished.</summary>
    public ChannelReader<ReplyPiece> Pieces => _pieces.Reader;

    /// <summary>Called by the loop's thread alone.</summary>
    public void Add(ReplyPiece piece)
    {
        _pieces.Writer.TryWrite(piece);
        if (piece.End is not null && --_left == 0) _pieces.Writer.TryComplete();
    }

    public void Fail(Exception reason) => _pieces.Writer.TryComplete(reason);

    /// <summary>Gives up what is not finished: its next step is its last.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1) return;
        _abandoned.Cancel();
        _abandoned.Dispose();
        _ticket.GiveBack(usedTokens: Replies.Sum(r => (long)r.TokensSoFar));
    }
}
