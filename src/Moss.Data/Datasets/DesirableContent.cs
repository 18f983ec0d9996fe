namespace Moss.Data.Datasets;

/// <summary>What an example of the recipe kto says: to this prompt, this reply is desirable, or is not.</summary>
/// <param name="Prompt">The turns before the reply; the last one is a person's.</param>
/// <param name="Weight">How much it counts: both classes weigh the same in all, and an example weighs 1 on average.</param>
public sealed record DesirableContent(IReadOnlyList<DatasetMessage> Prompt, string Reply, bool Desirable, EvidenceSource Source, double Weight) : IExampleContent
{
    public string ToJson() => CanonicalContent.Write(json =>
    {
        CanonicalContent.WritePrompt(json, Prompt);
        json.WriteString("reply", Reply);
        json.WriteBoolean("desirable", Desirable);
        json.WriteString("source", Source.ToString().ToLowerInvariant());
        json.WriteNumber("weight", Weight);
    });

    public static DesirableContent Parse(string json) => Json.Parse<DesirableContent>(json, "An example of a desirable or undesirable reply");

    internal DatasetContent AsConversation() => new([.. Prompt, new("assistant", Reply, Desirable)]);
}
