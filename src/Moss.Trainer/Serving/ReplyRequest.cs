using Moss.Model.Generation;
using Moss.Model.Text;

namespace Moss.Trainer.Serving;

/// <summary>A text to go on from, or its tokens.</summary>
internal sealed record TextPrompt(string? Text, int[]? Ids);

/// <summary>What a client asks for, after every field has been checked: a conversation's next turn, or texts to go on from.</summary>
/// <param name="Choices">Replies to each prompt. Choice i draws with <see cref="SamplingOptions.Seed"/> + i.</param>
internal sealed record ReplyRequest(string Model, SamplingOptions Sampling, int Choices, bool Stream, bool IncludeUsage)
{
    /// <summary>Most replies that one request may ask for, over all its prompts.</summary>
    public const int MostReplies = 16;

    public IReadOnlyList<ChatTurn>? Messages { get; init; }
    public IReadOnlyList<TextPrompt> Prompts { get; init; } = [];

    public int ReplyCount => Choices * (Messages is null ? Prompts.Count : 1);
}
