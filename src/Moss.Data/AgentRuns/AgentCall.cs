namespace Moss.Data.AgentRuns;

public enum AgentCallState { Reserved, Sent, Ok, Failed, InDoubt }

/// <summary>One call to a model during an agent run; a recorded answer is never asked for twice.</summary>
public sealed class AgentCall
{
    public Guid Id { get; init; } = Guid.CreateVersion7();
    public required Guid RunId { get; init; }
    public required int Dialogue { get; init; }
    public required int Turn { get; init; }
    public required string Seat { get; init; }
    public required int Sample { get; init; }
    public required int Attempt { get; init; }
    public required AgentCallState State { get; set; }
    public required long Seed { get; init; }

    /// <summary>The reply that was stored for it.</summary>
    public Guid? MessageId { get; set; }

    public string? Error { get; set; }
    public required DateTimeOffset CreatedAt { get; init; }
}
