using System.Text;

namespace Moss.Annotate.Features.Conversations.Talking;

/// <summary>A reply while it arrives: written by the dialogue, read by the card that shows it.</summary>
public sealed class LiveReply(Guid parentId)
{
    private readonly Lock _lock = new();
    private readonly StringBuilder _text = new();

    public Guid Id { get; } = Guid.CreateVersion7();
    public Guid ParentId { get; } = parentId;

    /// <summary>Name of the checkpoint that speaks; null until its first piece.</summary>
    public string? Checkpoint { get; internal set; }

    /// <summary>While nothing is said: the place in the server's queue from 1, 0 in no queue, <see cref="QueueFull"/> before one that is full.</summary>
    public int Place { get; internal set; }

    public const int QueueFull = -1;

    /// <summary>Turns at the beginning that no longer fitted the model's context.</summary>
    public int DroppedTurns { get; internal set; }

    /// <summary>Characters so far: tells cheaply whether there is something new.</summary>
    public int Length
    {
        get { lock (_lock) return _text.Length; }
    }

    public string Text
    {
        get { lock (_lock) return _text.ToString(); }
    }

    internal void Append(string piece)
    {
        lock (_lock) _text.Append(piece);
    }
}
