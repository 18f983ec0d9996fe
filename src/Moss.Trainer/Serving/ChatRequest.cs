using Moss.Model.Generation;
using Moss.Model.Text;

namespace Moss.Trainer.Serving;

/// <summary>What a client asks for, after every field has been checked.</summary>
internal sealed record ChatRequest(
    string Model, IReadOnlyList<ChatTurn> Messages, SamplingOptions Sampling, bool Stream, bool IncludeUsage)
{
    /// <summary>Largest body, bytes: a full context many times over, and far from troubling the process.</summary>
    public const int MaxBodyBytes = 1 << 20;

    /// <summary>Deepest JSON that any valid request needs is 5 (messages, a message, its parts, a part, the text).</summary>
    public const int MaxDepth = 16;
}
