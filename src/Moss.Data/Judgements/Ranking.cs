namespace Moss.Data.Judgements;

/// <summary>An order of sibling replies, best first. MessageId is their common parent.</summary>
public sealed class Ranking : Judgement
{
    public required Guid[] Order { get; init; }
}
