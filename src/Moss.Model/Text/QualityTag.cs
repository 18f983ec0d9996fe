namespace Moss.Model.Text;

/// <summary>
/// Says, after the last question, how good the reply is to be. Part of the prompt, so it is never learned; plain text, so every family of models can be told.
/// </summary>
/// <remarks>The tag stands behind the newest question only: earlier turns of a conversation carry none, in training as in service.</remarks>
public static class QualityTag
{
    /// <summary>What a served reply is asked to be.</summary>
    public const string Best = "high";

    /// <summary>The same turns with the newest of the person's asking for this quality; as they are where no person speaks.</summary>
    public static IReadOnlyList<ChatTurn> Ask(IReadOnlyList<ChatTurn> turns, string quality)
    {
        var last = Enumerable.Range(0, turns.Count).LastOrDefault(i => turns[i].Role == ChatTurn.User, -1);
        return last < 0 ? turns : [.. turns.Select((turn, i) => i == last ? turn with { Text = $"{turn.Text}\n\n[reply quality: {quality}]" } : turn)];
    }
}
