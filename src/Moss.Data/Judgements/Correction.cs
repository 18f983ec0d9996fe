namespace Moss.Data.Judgements;

/// <summary>What a reply should have been, stored as a sibling message.</summary>
public sealed class Correction : Judgement
{
    public required Guid CorrectionMessageId { get; init; }
    public string? Category { get; init; }
}
