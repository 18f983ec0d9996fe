using Moss.Data.Annotators;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Judgements;
using Moss.Data.Training;

namespace Moss.Data.Lineage;

/// <summary>One judgement that taught a checkpoint, with what was asked, what MOSS had said, and what it should have said.</summary>
public sealed record TaughtBy
{
    public required Guid JudgementId { get; init; }
    public required JudgementKind Kind { get; init; }
    public required string Annotator { get; init; }
    public required AnnotatorKind AnnotatorKind { get; init; }
    public required Guid ConversationId { get; init; }
    public required Guid MessageId { get; init; }
    public required string Prompt { get; init; }

    /// <summary>The reply that was rated or corrected, or that lost the comparison; the bottom of a ranking.</summary>
    public required string Original { get; init; }

    /// <summary>
    /// What is better than the original: the corrected text, the reply that won the comparison, the top of the ranking; null for
    /// a rating.
    /// </summary>
    public string? Correction { get; init; }

    public double? Score { get; init; }
    public string? Comment { get; init; }
    public required DateTimeOffset At { get; init; }

    /// <summary>0: taught the checkpoint's own run; 1: its parent's; and so on.</summary>
    public required int Generations { get; init; }

    public required Guid CheckpointId { get; init; }

    /// <summary>1 when its prompt is the reply's prompt, else how alike the two are, 0 to 1 (shared character pairs).</summary>
    public double Likeness { get; set; }

    public bool SamePrompt => Likeness >= 1;
}

/// <summary>Where a reply came from. Run and version are null when the checkpoint was not trained here.</summary>
public sealed record ReplyLineage(
    Checkpoint Checkpoint, TrainingRun? Run, DatasetVersion? Version, int JudgementCount, IReadOnlyList<TaughtBy> TaughtBy);
