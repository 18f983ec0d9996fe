namespace Moss.Annotate.Features.Conversations.Talking;

/// <summary>One message as the model server takes it: role system, user, assistant or tool.</summary>
public sealed record ChatLine(string Role, string Content);

/// <summary>How a reply is drawn from the model.</summary>
public sealed record Sampling(double Temperature, double TopP, long Seed, int MaxTokens)
{
    private const int LongestReply = 1_024; // tokens

    /// <summary>A first reply is MOSS's most likely one, so that what people judge is what the model holds.</summary>
    public static Sampling MostLikely { get; } = new(0, 1, 0, LongestReply);

    /// <summary>Another reply is a draw with a seed of its own.</summary>
    public static Sampling Another(long seed) => new(0.8, 0.95, seed, LongestReply);
}

/// <summary>A part of a reply under way; Checkpoint is the name of the one that speaks.</summary>
public abstract record ReplyPiece(string Checkpoint);

/// <summary>Nothing is said yet: the reply's place in the queue from 1, 0 when its turn has come, null when the queue itself is full.</summary>
public sealed record PlacePiece(int? Place) : ReplyPiece("");

/// <summary>More text.</summary>
public sealed record TextPiece(string Checkpoint, string Text) : ReplyPiece(Checkpoint);

/// <summary>The reply is whole; its figures.</summary>
public sealed record EndPiece(string Checkpoint, ReplyFigures Figures) : ReplyPiece(Checkpoint);

/// <summary>The stream's `moss` object: milliseconds, tokens, nats.</summary>
public sealed record ReplyFigures(
    string? TemplateSha256, long? Seed, string? StopReason, int? PromptTokens, int? CompletionTokens,
    double? FirstTokenMs, double? TotalMs, double? SumLogProb, int DroppedTurns = 0);

/// <summary>What can keep a reply from coming or from ending.</summary>
public enum ServerTrouble { Unreachable, NotReady, Busy, Refused, CutOff, UnknownCheckpoint }

/// <summary>The model server did not answer, or not to the end.</summary>
public sealed class MossServerException(ServerTrouble trouble, string reason, Exception? cause = null) : Exception(reason, cause)
{
    public ServerTrouble Trouble { get; } = trouble;
}
