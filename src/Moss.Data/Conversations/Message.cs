namespace Moss.Data.Conversations;

public enum Role { System, Human, Moss, Tool }

/// <summary>Complete, or what was seen of a reply that was stopped or is still arriving.</summary>
public enum MessageState { Complete, CutShort }

/// <summary>One turn of a conversation. A complete message never changes; a reply under way only grows.</summary>
public sealed class Message
{
    /// <summary>Longest text that is accepted, UTF-8 bytes.</summary>
    public const int MaxBytes = 64 * 1024;

    public Guid Id { get; init; } = Guid.CreateVersion7();
    public required Guid ConversationId { get; init; }
    public Guid? ParentId { get; init; }
    public required Role Role { get; init; }
    public required string Text { get; set; }

    // MOSS's other parts, word for word; null elsewhere.
    public string? Thoughts { get; init; }
    public string? Commands { get; init; }
    public string? Results { get; init; }

    /// <summary>Who wrote it: the annotator of a Human message or a correction; null for MOSS's own replies and imports.</summary>
    public Guid? AuthorId { get; init; }

    public MessageState State { get; set; } = MessageState.Complete;

    /// <summary>The reply that this text should have been said instead of.</summary>
    public Guid? CorrectsId { get; init; }

    /// <summary>Rank among its siblings as the imported file gave it; 0 is best.</summary>
    public int? SourceRank { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public Conversation Conversation { get; private set; } = null!;
    public Generation? Generation { get; init; }
}
