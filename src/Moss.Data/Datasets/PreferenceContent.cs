namespace Moss.Data.Datasets;

/// <summary>What a preference rests on, the most telling first.</summary>
public enum PreferenceKind { Correction, Comparison, Ranking, Rating }

/// <summary>Whose word it is: people's, an import's, or agents' alone.</summary>
public enum EvidenceSource { Human, Import, Agent }

/// <summary>What an example of the recipes dpo and reward says: to this prompt, rather this reply than that one.</summary>
/// <param name="Prompt">The turns before the reply; the last one is a person's.</param>
/// <param name="Weight">How much it counts, above 0 to 1: 1/(k − 1) from a ranking of k, times |2 soft − 1|.</param>
/// <param name="Soft">Probability that the chosen reply is the better one, above 0.5 to 1: the share of the annotators who say so.</param>
/// <param name="Group">The same for all preferences about one prompt: they stay on one side and belong in one batch.</param>
/// <param name="Nll">Whether the chosen text is worth learning as it is (a correction): add its negative log-likelihood to the loss.</param>
public sealed record PreferenceContent(
    IReadOnlyList<DatasetMessage> Prompt, string Chosen, string Rejected, PreferenceKind Kind, EvidenceSource Source, double Weight, double Soft, bool Nll, string Group)
    : IExampleContent
{
    public string ToJson() => CanonicalContent.Write(json =>
    {
        CanonicalContent.WritePrompt(json, Prompt);
        json.WriteString("chosen", Chosen);
        json.WriteString("rejected", Rejected);
        json.WriteString("kind", Kind.ToString().ToLowerInvariant());
        json.WriteString("source", Source.ToString().ToLowerInvariant());
        json.WriteNumber("weight", Weight);
        json.WriteNumber("soft", Soft);
        json.WriteBoolean("nll", Nll);
        json.WriteString("group", Group);
    });

    public static PreferenceContent Parse(string json) => Json.Parse<PreferenceContent>(json, "A preference");

    internal DatasetContent AsConversation() => new([.. Prompt, new("assistant", Chosen, true)], Rejected);
}
