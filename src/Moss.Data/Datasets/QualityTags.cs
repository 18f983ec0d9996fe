namespace Moss.Data.Datasets;

/// <summary>
/// The recipe quality: what the supervised examples are told about their last reply. A correction is high; a rated reply is where its ratings stand among
/// its annotators' own (<see cref="RaterScale"/>); a replayed conversation is told nothing. A stated share of the high and good ones is told nothing either, so
/// that the model also works when nobody asks for a quality. Fair and poor ones are always told: unasked, nobody wants them.
/// </summary>
internal sealed class QualityTags(FreezeRule rule, RaterScale scale)
{
    public DatasetContent Tag(DatasetContent content, IEnumerable<Guid> ratings) =>
        Tag(content, QualityLevels.Of(scale.Of(ratings) ?? throw new InvalidOperationException("A rated reply has no rating that holds at the cut.")));

    public DatasetContent Tag(DatasetContent content, string level) =>
        level is QualityLevels.High or QualityLevels.Good && TextKey.Share(content.ToJson(), rule.Seed) < rule.UntaggedShare ? content : content with { Quality = level };
}
