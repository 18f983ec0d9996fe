namespace Moss.Data.Conversations;

/// <summary>How a reply came about: which checkpoint said it, under which sampling, and how long it took.</summary>
public sealed class Generation
{
    public required Guid MessageId { get; init; }
    public required Guid CheckpointId { get; init; }
    public string? TemplateSha256 { get; set; }

    /// <summary>JSON object of the sampling settings as sent.</summary>
    public string Sampling { get; init; } = "{}";

    public long? Seed { get; set; }
    public int? PromptTokens { get; set; }
    public int? CompletionTokens { get; set; }
    public double? FirstTokenMs { get; set; }

    /// <summary>Null while the reply is arriving, and for good if it never ended.</summary>
    public double? TotalMs { get; set; }

    /// <summary>stop, length, stop_string, stopped (by a person), cut_off (the server went away); null while arriving.</summary>
    public string? StopReason { get; set; }

    /// <summary>Sum over the reply's tokens of their log-probability, nats.</summary>
    public double? SumLogProb { get; set; }
}
