namespace Moss.Data.Training;

/// <summary>A question about a run that nobody has started: what would it do, and would it fit? A worker writes the answer into the row.</summary>
public sealed class TrainingPlan
{
    public Guid Id { get; init; } = Guid.CreateVersion7();
    public required Guid ProjectId { get; init; }
    public required string Recipe { get; init; }

    /// <summary>JSON object of the settings that differ from the recipe's defaults.</summary>
    public required string Settings { get; init; }

    public required Guid DatasetVersionId { get; init; }
    public required Guid BaseCheckpointId { get; init; }

    /// <summary>Null asks for the plan; a number for what of this example of the version is learned.</summary>
    public int? ExampleOrdinal { get; init; }

    public Guid? RequestedBy { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>JSON object: a <see cref="PlanResult"/>, or a <see cref="MaskPreview"/> when an example was asked for.</summary>
    public string? Result { get; set; }

    /// <summary>Why there is no answer, in a sentence.</summary>
    public string? Error { get; set; }

    public DateTimeOffset? ComputedAt { get; set; }
}
