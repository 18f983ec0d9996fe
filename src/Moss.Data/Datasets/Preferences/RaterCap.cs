using Moss.Data.Annotators;
using Moss.Data.Judgements;

namespace Moss.Data.Datasets.Preferences;

/// <summary>
/// Nobody's zeal or carelessness on one day may decide what is learned: of each annotator's judgements of a day only the first
/// ones count.
/// </summary>
internal static class RaterCap
{
    /// <summary>The judgements that count. An import is not one annotator but the consensus of many, and is not capped.</summary>
    public static List<Judged> Apply(IReadOnlyList<Judged> judgements, int cap, FreezePreview counts)
    {
        var (given, kept) = (new Dictionary<(Guid, DateOnly), int>(), new List<Judged>());
        foreach (var j in judgements.OrderBy(j => j.At).ThenBy(j => j.Id))
        {
            var day = (j.Rater, DateOnly.FromDateTime(j.At.UtcDateTime));
            var number = given[day] = given.GetValueOrDefault(day) + 1;
            if (number <= cap || j.RaterKind == AnnotatorKind.Import) kept.Add(j);
            else counts.LeftOutCapped++;
        }
        return kept;
    }
}
