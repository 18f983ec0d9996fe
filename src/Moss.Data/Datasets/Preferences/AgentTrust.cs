namespace Moss.Data.Datasets.Preferences;

/// <summary>
/// What an agent's opinion weighs: 2q − 1, where q is how often it agreed with people about the same replies in the same
/// language, drawn towards the agreement of people with each other as if 20 more opinions said so. A coin weighs nothing. An
/// agent's correction is no opinion: its check knew the answer.
/// </summary>
internal sealed class AgentTrust
{
    private const double PeopleAgree = 0.657; // of human raters with the human majority: Dubois et al. 2023, AlpacaEval
    private const double Before = 20; // opinions
    private readonly Dictionary<(Guid Rater, string? Language), (int Agreed, int Met)> record = [];

    public AgentTrust(IReadOnlyCollection<Opinion> opinions)
    {
        foreach (var matter in opinions.GroupBy(o => o.Matter))
        {
            var people = matter.Where(o => o.By.Source != EvidenceSource.Agent).ToList();
            foreach (var agent in matter.Where(IsGuess))
            {
                var (with, against) = (people.Count(o => o.Better == agent.Better), people.Count(o => o.Better != agent.Better));
                if (with == against) continue;
                var (agreed, met) = record.GetValueOrDefault((agent.By.Rater, agent.By.Language));
                record[(agent.By.Rater, agent.By.Language)] = (agreed + (with > against ? 1 : 0), met + 1);
            }
        }
    }

    public double Of(Opinion opinion)
    {
        if (!IsGuess(opinion)) return 1;
        var (agreed, met) = record.GetValueOrDefault((opinion.By.Rater, opinion.By.Language));
        return Math.Max(0, 2 * (agreed + PeopleAgree * Before) / (met + Before) - 1);
    }

    private static bool IsGuess(Opinion opinion) =>
        opinion.By.Source == EvidenceSource.Agent && opinion.Kind != PreferenceKind.Correction;
}
