namespace Moss.Model.Text;

/// <summary>A conversation as tokens, with what the model is to learn of it.</summary>
/// <param name="Tokens">Ids, in order.</param>
/// <param name="Learn">One per token: true for MOSS's own words and the terminator of each of its turns.</param>
/// <param name="Spans">Who wrote which tokens: content only, markers belong to nobody.</param>
public sealed record RenderedChat(int[] Tokens, bool[] Learn, IReadOnlyList<ChatSpan> Spans);

/// <summary>Tokens <paramref name="Start"/> to <paramref name="End"/> (exclusive) are the words of one turn.</summary>
public sealed record ChatSpan(string Role, int Start, int End);

/// <summary>The newest part of a conversation that fits a prompt.</summary>
/// <param name="DroppedTurns">Oldest messages that were left out; the page tells the annotator.</param>
public sealed record FittedChat(IReadOnlyList<ChatTurn> Turns, int DroppedTurns);
