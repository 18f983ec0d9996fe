namespace Moss.Data.Annotators;

/// <summary>Import is neither: a consensus that came with a file, whose people are unknown.</summary>
public enum AnnotatorKind { Human, Agent, Import }

/// <summary>Who speaks and judges: a person with an account, or an agent with a hashed specification. Never both.</summary>
public sealed class Annotator
{
    public Guid Id { get; init; } = Guid.CreateVersion7();
    public required AnnotatorKind Kind { get; init; }
    public required string DisplayName { get; set; }

    /// <summary>The account of a person; null for agents, imports and people who use the command line only.</summary>
    public Guid? UserId { get; init; }

    /// <summary>SHA-256 of the specification (a scenario, an import's name), hex; null for people.</summary>
    public string? AgentSpecSha256 { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}
