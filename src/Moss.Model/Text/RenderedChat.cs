namespace Moss.Model.Text;

/// <summary>A conversation as tokens, with what the model is to learn of it.</summary>
/// <param name="Tokens">Ids, in order.</param>
/// <param name="Learn">One per token: true for what the model is to learn to write itself.</param>
/// <param name="Spans">Who wrote which tokens: content only, markers belong to nobody. A reply of MOSS with tools has
/// several.</param>
public sealed record RenderedChat(int[] Tokens, bool[] Learn, IReadOnlyList<ChatSpan> Spans);

/// <summary>
/// Tokens <paramref name="Start"/> to <paramref name="End"/> (exclusive) are the words of one turn, or of one part of it.
/// </summary>
/// <param name="Role">Who wrote them: a tool's results in a reply of MOSS are the tool's.</param>
/// <param name="Turn">Index of the turn in what was rendered; -1 for a system text that the template brings itself.</param>
public sealed record ChatSpan(string Role, int Start, int End, int Turn);

/// <summary>The newest part of a conversation that fits a prompt.</summary>
/// <param name="DroppedTurns">Oldest messages that were left out; the page tells the annotator.</param>
public sealed record FittedChat(IReadOnlyList<ChatTurn> Turns, int DroppedTurns);
