using Moss.Data.Annotators;
using Moss.Data.Judgements;

namespace Moss.Data.Datasets.Preferences;

/// <summary>
/// Draws opinions from judgements, and never more than they say: no opinion from a tie, from two bad ones, from equal ranks or
/// equal texts, from replies to different prompts, from an agent that was not asked in both orders, or from an annotator who says
/// both.
/// </summary>
internal sealed class Opinions(Evidence evidence, FreezeRule rule, FreezePreview counts)
{
    private readonly List<Opinion> found = [];

    /// <summary>One opinion at most per annotator and two replies.</summary>
    public List<Opinion> Draw()
    {
        foreach (var correction in evidence.Corrections) FromCorrection(correction);
        var counted = RaterCap.Apply(evidence.Judgements, rule.RaterCap, counts);
        FromComparisons(counted);
        foreach (var ranking in counted.Where(j => j.Kind == JudgementKind.Ranking)) FromRanking(ranking);
        FromRatings(counted);

        var agreed = new List<Opinion>();
        foreach (var own in found.GroupBy(o => (o.Matter, o.By.Rater)))
        {
            var sources = own.SelectMany(o => o.Sources).Distinct();
            if (own.Select(o => o.Better).Distinct().Count() > 1) counts.LeftOutInconsistent++;
            else agreed.Add(own.MinBy(o => o.Kind)! with { Share = own.Max(o => o.Share), Sources = [.. sources] });
        }
        return agreed;
    }

    private void FromCorrection(CorrectedReply c)
    {
        if (!c.Teaches) return;
        var (better, worse) = (evidence.Reply(c.Judgement.CorrectionId), evidence.Reply(c.Original.Id));
        if (better is null || worse is null) counts.LeftOutBad++;
        else if (!EditDistance.IsAtLeast(better.Text, worse.Text, rule.SmallestEdit)) counts.LeftOutEqual++;
        else Add(better, worse, c.Judgement, PreferenceKind.Correction, 1);
    }

    private void FromComparisons(IReadOnlyList<Judged> judgements)
    {
        var verdicts = new List<Verdict>();
        foreach (var j in judgements.Where(j => j.Kind == JudgementKind.Comparison))
        {
            if (Shown(j) is { } shown) verdicts.Add(new(j, shown.Left, shown.Right, j.Outcome!.Value));
        }
        foreach (var own in verdicts.GroupBy(v => (v.By.Rater, v.Left.Prompt, Texts: Unordered(v.Left.Said, v.Right.Said))))
        {
            var decided = own.Where(v => v.Outcome is ComparisonOutcome.Left or ComparisonOutcome.Right).ToList();
            counts.LeftOutTies += own.Count(v => v.Outcome == ComparisonOutcome.Tie);
            counts.LeftOutBothBad += own.Count(v => v.Outcome == ComparisonOutcome.BothBad);
            if (decided.Count == 0) continue;
            // A judge that was asked once, or wavers when the two change places, has shown its habit, not its opinion.
            var inBothOrders = decided.Count == own.Count() && decided.Select(v => v.Left.Said).Distinct().Count() == 2;
            if (decided[0].By.RaterKind == AnnotatorKind.Agent && !inBothOrders)
            {
                counts.LeftOutInconsistent++;
                continue;
            }
            foreach (var v in decided)
            {
                if (v.Outcome == ComparisonOutcome.Left) Add(v.Left, v.Right, v.By, PreferenceKind.Comparison, 1);
                else Add(v.Right, v.Left, v.By, PreferenceKind.Comparison, 1);
            }
        }
    }

    private void FromRanking(Judged ranking)
    {
        if (ranking.RaterKind == AnnotatorKind.Agent)
        {
            counts.LeftOutInconsistent++; // in which order it saw them is not known
            return;
        }
        var places = Places(ranking);
        var share = 1.0 / (places.Sum(p => p.Count) - 1);
        foreach (var (i, place) in places.Index())
            foreach (var better in place)
                foreach (var worse in places.Skip(i + 1).SelectMany(p => p))
                    Add(better, worse, ranking, PreferenceKind.Ranking, share);
    }

    /// <summary>The usable replies of a ranking, best first, all to the prompt that was ranked.</summary>
    private List<List<JudgedReply>> Places(Judged ranking)
    {
        var places = ranking.Order.Select(g => g.Select(id => evidence.Reply(id)).OfType<JudgedReply>().ToList()).ToList();
        places.RemoveAll(p => p.Count == 0);
        if (places.Count == 0) return []; // people's messages that were ranked, or an examination
        counts.LeftOutBad += ranking.Order.Sum(g => g.Count) - places.Sum(p => p.Count);
        foreach (var place in places)
            counts.LeftOutPrompts += place.RemoveAll(r => r.Prompt.Path[^1].Id != ranking.MessageId);
        return [.. places.Where(p => p.Count > 0)];
    }

    private void FromRatings(IReadOnlyList<Judged> judgements)
    {
        var rated = judgements.Where(j => j.Kind == JudgementKind.Rating && j.RaterKind != AnnotatorKind.Agent)
            .Select(j => (By: j, Reply: evidence.Reply(j.MessageId))).Where(r => r.Reply is not null);
        foreach (var own in rated.GroupBy(r => (r.By.Rater, r.By.Rubric, r.Reply!.Prompt)))
        {
            var replies = own.GroupBy(r => r.Reply!.Said).Select(g => (
                Reply: g.First().Reply!, Score: g.Average(r => r.By.Score!.Value), By: g.Select(r => r.By).ToList())).ToList();
            foreach (var better in replies)
            {
                foreach (var worse in replies.Where(w => better.Score - w.Score >= rule.ScoreGap))
                {
                    var sources = better.By.Concat(worse.By).SelectMany(j => j.Sources);
                    Add(better.Reply, worse.Reply, better.By[0], PreferenceKind.Rating, 1.0 / (replies.Count - 1), [.. sources]);
                }
            }
        }
    }

    private (JudgedReply Left, JudgedReply Right)? Shown(Judged comparison)
    {
        var rightId = comparison.ShownLeft == comparison.MessageId ? comparison.Other : comparison.MessageId;
        if (evidence.Reply(comparison.ShownLeft) is not { } left || evidence.Reply(rightId) is not { } right) counts.LeftOutBad++;
        else if (!left.Prompt.Equals(right.Prompt)) counts.LeftOutPrompts++;
        else if (left.Said == right.Said) counts.LeftOutEqual++;
        else return (left, right);
        return null;
    }

    private void Add(
        JudgedReply better, JudgedReply worse, Judged by, PreferenceKind kind, double share,
        IReadOnlyList<ExampleSource>? sources = null)
    {
        if (!better.Prompt.Equals(worse.Prompt)) counts.LeftOutPrompts++;
        else if (better.Said == worse.Said) counts.LeftOutEqual++;
        else found.Add(new(better.Prompt, better.Said, worse.Said, by, kind, share, sources ?? by.Sources));
    }

    private static (string, string) Unordered(string a, string b) => string.CompareOrdinal(a, b) < 0 ? (a, b) : (b, a);

    private sealed record Verdict(Judged By, JudgedReply Left, JudgedReply Right, ComparisonOutcome Outcome);
}
