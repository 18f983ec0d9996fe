using Moss.Data.Datasets.Sides;

namespace Moss.Data.Datasets.Preferences;

/// <summary>
/// The recipes dpo and reward: opinions about the same two replies become one preference, a soft one where annotators differ.
/// What goes round in a circle (A over B over C over A) is left out, so is a chosen reply that someone corrected. All preferences
/// about one prompt are one group on one side.
/// </summary>
internal sealed class PreferenceSelection(
    FreezeRule rule, Evidence evidence, ExampleSides sides, FreezePreview counts, ExampleSink sink)
{
    public async Task RunAsync(CancellationToken cancellation)
    {
        foreach (var c in evidence.Corrections) sides.Correct(c.Prompt.Path, c.Teaches);
        var opinions = new Opinions(evidence, rule, counts).Draw();
        var trust = new AgentTrust(opinions);
        var preferences = new List<Preference>();
        foreach (var matter in opinions.GroupBy(o => o.Matter))
        {
            if (Preference.Of([.. matter], trust.Of) is not { } preference) counts.LeftOutDisputed++;
            else preferences.Add(preference);
        }
        preferences = [.. preferences.GroupBy(p => p.Prompt).SelectMany(WithoutCircles).Where(MayBeLearned)];
        preferences = AgentCap.Apply(
            preferences, p => p.Source == EvidenceSource.Agent && p.Kind != PreferenceKind.Correction, p => p.Identity,
            rule, counts);
        // By when the first word about a prompt was said, then by texts: the order of rows does not matter.
        var since = preferences.GroupBy(p => p.Prompt.Key).ToDictionary(g => g.Key, g => g.Min(p => p.At));
        foreach (var p in preferences.OrderBy(p => since[p.Prompt.Key]).ThenBy(p => p.Identity, StringComparer.Ordinal))
            await AddAsync(p, cancellation);
    }

    private IEnumerable<Preference> WithoutCircles(IEnumerable<Preference> ofOnePrompt)
    {
        var all = ofOnePrompt.ToList();
        var component = StrongComponents.Of([.. all.Select(p => (p.Better, p.Worse))]);
        counts.LeftOutCircles += all.RemoveAll(p => component[p.Better] == component[p.Worse]);
        return all;
    }

    private bool MayBeLearned(Preference p)
    {
        if (!evidence.IsCorrected(p.Prompt, p.Better)) return true;
        counts.LeftOutCorrected++;
        return false;
    }

    private async Task AddAsync(Preference p, CancellationToken cancellation)
    {
        if ((p.Kind == PreferenceKind.Correction ? Split.Train : sides.Of(p.Prompt.Path)) is not { } split)
        {
            counts.LeftOutOfEval++;
            return;
        }
        var content = new PreferenceContent(
            p.Prompt.Turns, evidence.TextOf(p.Prompt, p.Better), evidence.TextOf(p.Prompt, p.Worse), p.Kind, p.Source,
            p.Weight, p.Soft, p.Nll, p.Prompt.Key[..16]);
        var (identity, cluster) = (TextKey.Exactly(p.Identity), sides.KeyOf(p.Prompt.Path));
        if (!await sink.AddAsync(identity, split, cluster, content, p.Sources, cancellation)) return;
        switch (p.Kind)
        {
            case PreferenceKind.Correction: counts.Corrections++; break;
            case PreferenceKind.Comparison: counts.Compared++; break;
            case PreferenceKind.Ranking: counts.Ranked++; break;
            default: counts.Rated++; break;
        }
    }
}
