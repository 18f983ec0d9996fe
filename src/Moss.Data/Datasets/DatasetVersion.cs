namespace Moss.Data.Datasets;

/// <summary>A frozen, hashed cut of the judgements and conversations of a project. Nothing in it ever changes.</summary>
public sealed class DatasetVersion
{
    public Guid Id { get; init; } = Guid.CreateVersion7();
    public required Guid ProjectId { get; init; }
    public required string Name { get; init; }
    public required string Recipe { get; init; }

    /// <summary>JSON object of the rule that selected the examples, with the time of the cut; the same rule gives the same bytes.</summary>
    public required string Query { get; init; }

    /// <summary>SHA-256 over the examples in order, hex.</summary>
    public required string Sha256 { get; init; }

    public required int TrainCount { get; init; }
    public required int EvalCount { get; init; }

    /// <summary>Judgements that the examples rest on.</summary>
    public required int JudgementCount { get; init; }

    /// <summary>JSON object of what it holds and what was left out, see <see cref="FreezePreview"/>; null in versions older than it.</summary>
    public string? Summary { get; init; }

    public Guid? CreatedBy { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
}
