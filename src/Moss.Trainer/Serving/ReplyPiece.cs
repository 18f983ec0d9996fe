using Moss.Model.Generation;

namespace Moss.Trainer.Serving;

/// <summary>What a reply has more: text that became certain, its tokens if asked for, and, with the last piece, how it ended.</summary>
/// <param name="Reply">Which of the request's replies.</param>
internal sealed record ReplyPiece(Reply Reply, string Text, IReadOnlyList<ChosenToken> Chosen, ReplyEnd? End = null);
