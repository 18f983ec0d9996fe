namespace Moss.Data.Datasets;

/// <summary>One reason why an example is in a version: a judgement, or a message that was imported as good.</summary>
public sealed class DatasetExampleSource
{
    public Guid Id { get; init; } = Guid.CreateVersion7();
    public required Guid VersionId { get; init; }
    public required int Ordinal { get; init; }
    public Guid? JudgementId { get; init; }
    public Guid? MessageId { get; init; }
}
