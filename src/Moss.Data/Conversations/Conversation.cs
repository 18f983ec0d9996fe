namespace Moss.Data.Conversations;

public enum ConversationOrigin { Human, Agent, Import }

/// <summary>A dialogue: a tree of messages in which siblings are alternatives.</summary>
public sealed class Conversation
{
    public Guid Id { get; init; } = Guid.CreateVersion7();
    public required Guid ProjectId { get; init; }
    public required string Title { get; set; }

    /// <summary>BCP 47, "en" or "zh"; null when nobody said.</summary>
    public string? Language { get; init; }

    public required ConversationOrigin Origin { get; init; }

    /// <summary>SHA-256 of the imported JSON line and its occurrence number; null for live ones.</summary>
    public string? SourceKey { get; init; }

    public Guid? AgentRunId { get; init; }
    public string? ConsentVersion { get; init; }
    public Guid? CreatedBy { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }

    public List<Message> Messages { get; private set; } = [];
}
