using System.Text.Json.Serialization;
using Moss.Model.Generation;
using Moss.Model.Text;

namespace Moss.Trainer.Serving;

/// <summary>Replies as messages of the assistant: /v1/chat/completions.</summary>
internal sealed class ChatForm(Tokenizer tokenizer) : ReplyForm(tokenizer)
{
    private sealed record Message(string? Role, string? Content);

    private sealed record Likely(string Token, double Logprob, int[] Bytes);

    private sealed record Token(string Text, double Logprob, int[] Bytes, IReadOnlyList<Likely> TopLogprobs)
    {
        [JsonPropertyName("token")] public string Text { get; } = Text;
    }

    private sealed record Logprobs(IReadOnlyList<Token> Content);

    private sealed record Choice(int Index, Message? Message, Message? Delta, Logprobs? Logprobs)
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.Never)] public string? FinishReason { get; init; }
    }

    public override string IdPrefix => "chatcmpl-";

    public override string Kind(bool stream) => stream ? "chat.completion.chunk" : "chat.completion";

    public override object Opening(int index) => new Choice(index, null, new("assistant", ""), null);

    public override object Piece(int index, string text, IReadOnlyList<ChosenToken>? chosen, string? finish) =>
        new Choice(index, null, new(null, finish is not null && text.Length == 0 ? null : text), Told(chosen)) { FinishReason = finish };

    public override object Whole(int index, string text, IReadOnlyList<ChosenToken>? chosen, string finish) =>
        new Choice(index, new("assistant", text), null, Told(chosen)) { FinishReason = finish };

    private Logprobs? Told(IReadOnlyList<ChosenToken>? chosen) => chosen is null ? null : new([.. chosen.Select(t => new Token(
        Text(t.Id), t.LogProb, Numbers(t.Id), [.. t.Likeliest.Select(l => new Likely(Text(l.Id), l.LogProb, Numbers(l.Id)))]))]);

    private int[] Numbers(int id) => [.. Bytes(id)];
}
