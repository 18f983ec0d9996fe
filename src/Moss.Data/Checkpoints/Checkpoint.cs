namespace Moss.Data.Checkpoints;

public enum CheckpointKind { Base, Full, Lora }

public enum CheckpointState { Candidate, Accepted, Rejected, Retired }

/// <summary>Weights with their tokenizer, template and provenance, in a folder that never changes.</summary>
public sealed class Checkpoint
{
    public Guid Id { get; init; } = Guid.CreateVersion7();
    public required string Name { get; init; }
    public Guid? ParentId { get; init; }
    public Guid? TrainingRunId { get; init; }
    public required CheckpointKind Kind { get; init; }

    /// <summary>The network's family as config.json names it: qwen3, llama, …</summary>
    public required string Family { get; init; }

    /// <summary>Name of the folder below the checkpoint root.</summary>
    public required string Folder { get; init; }

    /// <summary>SHA-256 of the folder's manifest.json, hex: the checkpoint's identity.</summary>
    public required string ManifestSha256 { get; init; }

    public required string TemplateSha256 { get; init; }
    public CheckpointState State { get; set; } = CheckpointState.Candidate;
    public required DateTimeOffset CreatedAt { get; init; }
}
