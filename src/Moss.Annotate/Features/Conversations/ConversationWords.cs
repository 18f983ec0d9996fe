namespace Moss.Annotate.Features.Conversations;

/// <summary>Names the word list of the conversation pages.</summary>
public sealed class ConversationWords;
