namespace Moss.Data.Datasets;

public enum Split { Train, Eval }

/// <summary>One conversation path to learn from; its sources name the judgements and messages it came from.</summary>
public sealed class DatasetExample
{
    public required Guid VersionId { get; init; }
    public required int Ordinal { get; init; }
    public required Split Split { get; init; }

    /// <summary>JSON object {"messages":[{"role","content","learn"}],"rejected"?:text,"repeat":n}; the bytes that are hashed.</summary>
    public required string Content { get; init; }

    public required string ContentSha256 { get; init; }

    public List<DatasetExampleSource> Sources { get; init; } = [];
}
