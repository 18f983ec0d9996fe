using System.Text.Json.Serialization;
using Moss.Model.Generation;
using Moss.Model.Text;

namespace Moss.Trainer.Serving;

/// <summary>Replies as plain text: /v1/completions.</summary>
internal sealed class TextForm(Tokenizer tokenizer) : ReplyForm(tokenizer)
{
    private readonly Dictionary<int, int> _said = []; // characters of each choice's tokens so far

    private sealed record Logprobs(
        IReadOnlyList<string> Tokens, IReadOnlyList<double> TokenLogprobs, IReadOnlyList<Dictionary<string, double>> TopLogprobs, IReadOnlyList<int> TextOffset);

    private sealed record Choice(int Index, string Text, Logprobs? Logprobs)
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.Never)] public string? FinishReason { get; init; }
    }

    public override string IdPrefix => "cmpl-";

    public override string Kind(bool stream) => "text_completion";

    public override object? Opening(int index) => null;

    public override object Piece(int index, string text, IReadOnlyList<ChosenToken>? chosen, string? finish) =>
        new Choice(index, text, Told(index, chosen)) { FinishReason = finish };

    public override object Whole(int index, string text, IReadOnlyList<ChosenToken>? chosen, string finish) => Piece(index, text, chosen, finish);

    private Logprobs? Told(int index, IReadOnlyList<ChosenToken>? chosen)
    {
        if (chosen is null) return null;
        var (tokens, offsets, likeliest) = (new List<string>(), new List<int>(), new List<Dictionary<string, double>>());
        var said = _said.GetValueOrDefault(index);
        foreach (var token in chosen)
        {
            tokens.Add(Text(token.Id));
            offsets.Add(said);
            said += tokens[^1].Length;
            var likely = new Dictionary<string, double>();
            foreach (var (id, logProb) in token.Likeliest) likely.TryAdd(Text(id), logProb); // two may look alike; the likelier one is told
            likeliest.Add(likely);
        }
        _said[index] = said;
        return new(tokens, [.. chosen.Select(t => t.LogProb)], likeliest, offsets);
    }
}
