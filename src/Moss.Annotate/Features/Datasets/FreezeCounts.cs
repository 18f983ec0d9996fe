using Microsoft.Extensions.Localization;
using Moss.Data.Datasets;
using Moss.Data.Training;

namespace Moss.Annotate.Features.Datasets;

/// <summary>The counts of a freeze in the words of the page.</summary>
internal static class FreezeCounts
{
    /// <summary>What the examples of this recipe are made of, by the keys of their words.</summary>
    public static IEnumerable<(string Key, int Count)> Parts(FreezePreview p, string recipe) => recipe switch
    {
        Recipes.Sft or Recipes.Quality => [("Corrections", p.Corrections), ("Rated", p.Rated), ("Replayed", p.Replayed)],
        Recipes.Kto => [("Desirable", p.Desirable), ("Undesirable", p.Undesirable)],
        _ => [("Corrections", p.Corrections), ("Compared", p.Compared), ("Ranked", p.Ranked), ("Ratings", p.Rated)],
    };

    /// <summary>A sentence for each reason that leaves something out now.</summary>
    public static IEnumerable<string> LeftOut(FreezePreview p, IStringLocalizer words)
    {
        (string Key, int Count)[] reasons =
        [
            ("Mended", p.Mended), ("LeftOutCorrected", p.LeftOutCorrected), ("LeftOutBad", p.LeftOutBad),
            ("LeftOutShape", p.LeftOutShape), ("LeftOutOfEval", p.LeftOutOfEval), ("LeftOutTies", p.LeftOutTies),
            ("LeftOutBothBad", p.LeftOutBothBad), ("LeftOutEqual", p.LeftOutEqual), ("LeftOutPrompts", p.LeftOutPrompts),
            ("LeftOutInconsistent", p.LeftOutInconsistent), ("LeftOutDisputed", p.LeftOutDisputed),
            ("LeftOutCircles", p.LeftOutCircles), ("LeftOutCapped", p.LeftOutCapped), ("LeftOutAgents", p.LeftOutAgents),
            ("Merged", p.Merged),
        ];
        return reasons.Where(r => r.Count > 0).Select(r => words[r.Key, r.Count].Value);
    }

    /// <summary>What learning nothing but length would score; empty where the recipe has no preferences.</summary>
    public static IEnumerable<string> Length(FreezePreview p, IStringLocalizer words)
    {
        if (p.LongerWins is { } w) yield return words["LongerWins", w.Share, w.Count, w.Of, w.Low, w.High];
        if (p.LengthCorrelation is { } r) yield return words["LengthCorrelation", r];
    }
}
