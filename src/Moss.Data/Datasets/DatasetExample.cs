namespace Moss.Data.Datasets;

public enum Split { Train, Eval }

/// <summary>One thing to learn from; its sources name the judgements and messages it came from.</summary>
public sealed class DatasetExample
{
    public required Guid VersionId { get; init; }
    public required int Ordinal { get; init; }
    public required Split Split { get; init; }

    /// <summary>Names the conversations that begin alike; in a version all of them are on one side. Null in versions older than the promise.</summary>
    public string? Cluster { get; init; }

    /// <summary>JSON object of the recipe's kind: <see cref="DatasetContent"/>, <see cref="PreferenceContent"/> or <see cref="DesirableContent"/>; the bytes that are hashed.</summary>
    public required string Content { get; init; }

    public required string ContentSha256 { get; init; }

    public List<DatasetExampleSource> Sources { get; init; } = [];
}
