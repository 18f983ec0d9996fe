namespace Moss.Model.Text;

/// <summary>Which tokens of a conversation count in the loss.</summary>
public enum LossMask
{
    /// <summary>What MOSS writes itself: its words and the token that ends each of its turns.</summary>
    AssistantOnly,

    /// <summary>
    /// As MOSS-003 was tuned: everything but the system text and the inside of tool results; what people said is learned too.
    /// </summary>
    MossParity,
}
