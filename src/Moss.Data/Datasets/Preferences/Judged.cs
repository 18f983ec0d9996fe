using Moss.Data.Annotators;
using Moss.Data.Conversations;
using Moss.Data.Judgements;

namespace Moss.Data.Datasets.Preferences;

/// <summary>A judgement that holds at the cut, with what recipes of preferences ask of it.</summary>
internal sealed record Judged(Guid Id, JudgementKind Kind, Guid MessageId, Guid Rater, AnnotatorKind RaterKind, DateTimeOffset At)
{
    public int Rubric { get; init; }
    public string? Language { get; init; }

    /// <summary>Of an overall rating, on the scale 1 to 5.</summary>
    public double? Score { get; init; }

    public Guid? Other { get; init; }
    public ComparisonOutcome? Outcome { get; init; }
    public Guid? ShownLeft { get; init; }

    /// <summary>Of a ranking: replies in groups, best first; more than one in a group are tied.</summary>
    public IReadOnlyList<IReadOnlyList<Guid>> Order { get; init; } = [];

    public Guid? CorrectionId { get; init; }

    /// <summary>
    /// What names it in an example's sources: itself; of ranks that only stand on imported messages, those messages.
    /// </summary>
    public IReadOnlyList<ExampleSource> Sources { get; init; } = [new(Id, null)];

    public EvidenceSource Source => RaterKind switch
    {
        AnnotatorKind.Agent => EvidenceSource.Agent,
        AnnotatorKind.Import => EvidenceSource.Import,
        _ => EvidenceSource.Human,
    };
}

/// <summary>
/// What was asked when a reply was given: a path that ends with a person's message. Equal for equal words, whatever conversation
/// they are from.
/// </summary>
internal sealed record JudgedPrompt(string Key, IReadOnlyList<PathMessage> Path)
{
    public string Question => Path[^1].Text;
    public bool IsPlainQuestion => Path[^1].Role == Role.Human && PathMessage.ArePlain(Path);
    public IReadOnlyList<DatasetMessage> Turns => [.. Path.Select(m => m.AsTurn())];

    public bool Equals(JudgedPrompt? other) => Key == other?.Key;
    public override int GetHashCode() => Key.GetHashCode(StringComparison.Ordinal);
}

/// <summary>A whole reply of MOSS that nobody flagged, and what it answers.</summary>
internal sealed record JudgedReply(Guid Id, string Text, JudgedPrompt Prompt)
{
    /// <summary>Replies of one prompt that say the same are one.</summary>
    public string Said { get; } = SplitRule.Normalise(Text);
}
