namespace Moss.Data.Datasets;

/// <summary>One turn of an example: role "system", "user" or "assistant", and whether its words are learned.</summary>
public sealed record DatasetMessage(string Role, string Content, bool Learn = false);

/// <summary>What an example of the recipes sft and quality says.</summary>
/// <param name="Messages">A conversation path.</param>
/// <param name="Rejected">The reply that was corrected, if there is one.</param>
/// <param name="Repeat">How often it is seen per epoch.</param>
/// <param name="Quality">How good the last reply is, see <see cref="QualityLevels"/>; null asks for nothing. Recipe quality only.</param>
public sealed record DatasetContent(IReadOnlyList<DatasetMessage> Messages, string? Rejected = null, int Repeat = 1, string? Quality = null) : IExampleContent
{
    public string ToJson() => CanonicalContent.Write(json =>
    {
        json.WriteStartArray("messages");
        foreach (var m in Messages)
        {
            json.WriteStartObject();
            json.WriteString("role", m.Role);
            json.WriteString("content", m.Content);
            json.WriteBoolean("learn", m.Learn);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        if (Rejected is not null) json.WriteString("rejected", Rejected);
        if (Quality is not null) json.WriteString("quality", Quality);
        json.WriteNumber("repeat", Repeat);
    });

    public static DatasetContent Parse(string json) => Json.Parse<DatasetContent>(json, "A dataset example");

    /// <summary>An example of any recipe as a conversation whose last reply is the one that is preferred or judged; for pages and search.</summary>
    public static DatasetContent Read(string recipe, string json) => recipe switch
    {
        Training.Recipes.Dpo or Training.Recipes.Reward => PreferenceContent.Parse(json).AsConversation(),
        Training.Recipes.Kto => DesirableContent.Parse(json).AsConversation(),
        _ => Parse(json),
    };

    internal static string Sha256(string text) => CanonicalContent.Sha256(text);
}
