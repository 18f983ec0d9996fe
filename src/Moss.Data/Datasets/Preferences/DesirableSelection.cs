using Moss.Data.Annotators;
using Moss.Data.Datasets.Sides;
using Moss.Data.Judgements;

namespace Moss.Data.Datasets.Preferences;

/// <summary>
/// The recipe kto: single replies, desirable or not. A correction's text is, the corrected reply is not; the top of a ranking is,
/// its bottom is not; of two that are both bad neither is; a rated reply is when its ratings stand high among its annotators'
/// own, and is not when they stand low. Who wins a comparison is no evidence here: the better of two can be bad. Where the
/// evidence is divided, nothing is learned. The classes are balanced by weight.
/// </summary>
internal sealed class DesirableSelection(
    FreezeRule rule, Evidence evidence, ExampleSides sides, FreezePreview counts, ExampleSink sink)
{
    private const double DesirableFrom = 0.6, UndesirableTo = 0.4; // standings; what lies between says too little
    private readonly Dictionary<(string Prompt, string Said), Case> cases = [];

    public async Task RunAsync(CancellationToken cancellation)
    {
        foreach (var c in evidence.Corrections)
        {
            sides.Correct(c.Prompt.Path, c.Teaches);
            FromCorrection(c);
        }
        var counted = RaterCap.Apply(evidence.Judgements, rule.RaterCap, counts);
        FromBothBad(counted);
        foreach (var ranking in counted.Where(j => j.Kind == JudgementKind.Ranking && j.RaterKind != AnnotatorKind.Agent))
            FromRanking(ranking);
        FromRatings(counted);

        var decided = cases.Values.Where(MayBeLearned).ToList();
        var kept = AgentCap.Apply(decided, c => c.Source == EvidenceSource.Agent && !c.Corrected, c => c.Identity, rule, counts);
        var placed = new List<(Case Case, Split Split)>();
        foreach (var c in kept.OrderBy(c => c.At).ThenBy(c => c.Identity, StringComparer.Ordinal))
        {
            if ((c.Corrected ? Split.Train : sides.Of(c.Prompt.Path)) is { } split) placed.Add((c, split));
            else counts.LeftOutOfEval++;
        }
        var sideSizes = placed.CountBy(p => p.Split).ToDictionary();
        var classSizes = placed.CountBy(p => (p.Split, p.Case.Desirable)).ToDictionary();
        foreach (var (c, split) in placed)
        {
            var (all, same) = (sideSizes[split], classSizes[(split, c.Desirable)]);
            await AddAsync(c, split, same == all ? 1 : all / (2.0 * same), cancellation);
        }
    }

    private void FromCorrection(CorrectedReply c)
    {
        if (evidence.Reply(c.Original.Id) is not { } worse) counts.LeftOutBad++;
        else if (!c.Teaches) Say(worse, false, c.Judgement, true);
        else if (evidence.Reply(c.Judgement.CorrectionId) is not { } better) counts.LeftOutBad++;
        else if (!EditDistance.IsAtLeast(better.Text, worse.Text, rule.SmallestEdit)) counts.LeftOutEqual++;
        else
        {
            Say(worse, false, c.Judgement, true);
            Say(better, true, c.Judgement, true);
        }
    }

    private void FromBothBad(IReadOnlyList<Judged> judgements)
    {
        var comparisons = judgements.Where(j => j.Kind == JudgementKind.Comparison).ToList();
        counts.LeftOutTies += comparisons.Count(j => j.Outcome == ComparisonOutcome.Tie);
        foreach (var own in comparisons.GroupBy(j => (j.Rater, Unordered(j.MessageId, j.Other!.Value))))
        {
            var bad = own.Where(j => j.Outcome == ComparisonOutcome.BothBad).ToList();
            if (bad.Count == 0) continue;
            var inBothOrders = bad.Count == own.Count() && bad.Select(j => j.ShownLeft).Distinct().Count() == 2;
            var wavers = bad.Count < own.Count() || (bad[0].RaterKind == AnnotatorKind.Agent && !inBothOrders);
            var (one, other) = (evidence.Reply(bad[0].MessageId), evidence.Reply(bad[0].Other));
            if (wavers) counts.LeftOutInconsistent++;
            else if (one is null || other is null) counts.LeftOutBad++;
            else if (!one.Prompt.Equals(other.Prompt)) counts.LeftOutPrompts++;
            else
            {
                foreach (var (reply, j) in bad.SelectMany(j => new[] { (one, j), (other, j) })) Say(reply, false, j);
            }
        }
    }

    private void FromRanking(Judged ranking)
    {
        if (ranking.Order.Count < 2) return;
        var ends = new[] { (Place: ranking.Order[0], Desirable: true), (Place: ranking.Order[^1], Desirable: false) };
        foreach (var (place, desirable) in ends)
        {
            // Two that share the place are neither the top nor the bottom.
            if (place.Count == 1 && evidence.Reply(place[0]) is { } reply && reply.Prompt.Path[^1].Id == ranking.MessageId)
                Say(reply, desirable, ranking);
        }
    }

    private void FromRatings(IReadOnlyList<Judged> judgements)
    {
        var ratings = judgements.Where(j => j.Kind == JudgementKind.Rating && j.RaterKind != AnnotatorKind.Agent).ToList();
        var scale = new RaterScale(ratings.Select(j => (j.Id, j.Rater, j.Rubric, j.Score!.Value)));
        foreach (var j in ratings)
        {
            if (evidence.Reply(j.MessageId) is not { } reply) counts.LeftOutBad++;
            else if (scale.Of([j.Id]) is not (> UndesirableTo and < DesirableFrom) and { } standing)
                Say(reply, standing >= DesirableFrom, j);
        }
    }

    private bool MayBeLearned(Case c)
    {
        if (c.For == c.Against) counts.LeftOutDisputed++;
        else if (c.Desirable && evidence.IsCorrected(c.Prompt, c.Said)) counts.LeftOutCorrected++;
        else return true;
        return false;
    }

    private async Task AddAsync(Case c, Split split, double weight, CancellationToken cancellation)
    {
        var content = new DesirableContent(
            c.Prompt.Turns, evidence.TextOf(c.Prompt, c.Said), c.Desirable, c.Source, Preference.Rounded(weight));
        var (identity, cluster) = (TextKey.Exactly(c.Identity), sides.KeyOf(c.Prompt.Path));
        if (!await sink.AddAsync(identity, split, cluster, content, [.. c.Sources], cancellation)) return;
        if (c.Desirable) counts.Desirable++;
        else counts.Undesirable++;
    }

    private void Say(JudgedReply reply, bool desirable, Judged by, bool corrected = false)
    {
        var key = (reply.Prompt.Key, reply.Said);
        if (!cases.TryGetValue(key, out var c)) cases[key] = c = new(reply.Prompt, reply.Said);
        c.Take(desirable, by, corrected);
    }

    private static (Guid, Guid) Unordered(Guid a, Guid b) => a.CompareTo(b) < 0 ? (a, b) : (b, a);

    /// <summary>One reply's text to one prompt, with what speaks for and against it.</summary>
    private sealed class Case(JudgedPrompt prompt, string said)
    {
        private readonly Dictionary<(Guid Rater, bool Desirable), Judged> voices = [];
        private readonly HashSet<ExampleSource> sources = [];

        public JudgedPrompt Prompt { get; } = prompt;
        public string Said { get; } = said;
        public string Identity => $"{Prompt.Key}\0{Said}";
        public DateTimeOffset At { get; private set; } = DateTimeOffset.MaxValue;
        public int For => voices.Count(v => v.Key.Desirable);
        public int Against => voices.Count(v => !v.Key.Desirable);
        public bool Desirable => For > Against;
        public bool Corrected { get; private set; }
        public IReadOnlyCollection<ExampleSource> Sources => sources;
        public EvidenceSource Source => voices.Where(v => v.Key.Desirable == Desirable).Min(v => v.Value.Source);

        public void Take(bool desirable, Judged by, bool corrected)
        {
            voices.TryAdd((by.Rater, desirable), by);
            sources.UnionWith(by.Sources);
            Corrected |= corrected;
            if (by.At < At) At = by.At;
        }
    }
}
