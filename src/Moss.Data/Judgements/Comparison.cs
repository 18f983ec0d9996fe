namespace Moss.Data.Judgements;

public enum ComparisonOutcome { Left, Right, Tie, BothBad }

/// <summary>A preference between two replies to one prompt.</summary>
public sealed class Comparison : Judgement
{
    public required Guid OtherMessageId { get; init; }
    public required ComparisonOutcome Outcome { get; init; }
    public int? Strength { get; init; }

    /// <summary>Which of the two was shown on the left: position bias is measurable only if stored.</summary>
    public required Guid ShownLeftId { get; init; }
}
