namespace Moss.Data.Judgements;

public enum JudgementKind { Rating, Comparison, Ranking, Correction, Flag, Critique }

/// <summary>Something an annotator said about a reply. Rows are only ever added; a later one may supersede an earlier one.</summary>
public abstract class Judgement
{
    public Guid Id { get; init; } = Guid.CreateVersion7();
    public JudgementKind Kind { get; private set; }
    public required Guid MessageId { get; init; }
    public required Guid AnnotatorId { get; init; }
    public Guid? SlotId { get; init; }
    public int RubricVersion { get; init; } = 1;
    public string? Comment { get; init; }

    /// <summary>Time the page was visible and touched, milliseconds.</summary>
    public int? ActiveMs { get; init; }

    /// <summary>Made by the client when the control is shown: submitting twice is once.</summary>
    public required Guid ClientKey { get; init; }

    public Guid? SupersedesId { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
}
