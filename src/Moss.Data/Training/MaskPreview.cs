using System.Text.Json;

namespace Moss.Data.Training;

/// <summary>What of one example is learned: its text cut where learning begins and ends.</summary>
/// <param name="Split">"train" or "eval".</param>
/// <param name="Examples">Examples of the version, both sides.</param>
/// <param name="Documents">One, or the chosen and the rejected; empty when nothing of the example fits into max_tokens.</param>
public sealed record MaskPreview(int Ordinal, string Split, int Examples, int MaxTokens, IReadOnlyList<MaskedDocument> Documents)
{
    public string ToJson() => JsonSerializer.Serialize(this, Json.SnakeCase);

    public static MaskPreview Parse(string json) => Json.Parse<MaskPreview>(json, "A preview of what is learned");
}

/// <summary>A document as the model reads it.</summary>
/// <param name="Name">"chosen", "rejected", "desirable", "undesirable" or "conversation".</param>
/// <param name="Cut">Tokens at the end that are not shown.</param>
public sealed record MaskedDocument(string Name, int Tokens, int LearnedTokens, int Cut, IReadOnlyList<MaskedSpan> Spans);

/// <summary>Tokens in a row that are all learned, or all not.</summary>
public sealed record MaskedSpan(string Text, int Tokens, bool Learned);
