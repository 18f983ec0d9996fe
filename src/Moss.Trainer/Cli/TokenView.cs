using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Moss.Model.Text;

namespace Moss.Trainer.Cli;

/// <summary>
/// Shows tokens to a person or as JSON: ids with what they stand for, and conversations with what is learned of them.
/// </summary>
/// <param name="colour">Learned words in green; without it they stand in ⟦ ⟧.</param>
internal sealed class TokenView(Tokenizer tokenizer, bool json, bool colour)
{
    private const string Green = "\e[32m", Off = "\e[0m";
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public string Text(int line, string text, int[] ids) => json
        ? JsonSerializer.Serialize(new { line, ids, pieces = ids.Select(Piece) }, Readable)
        : $"{Quoted(text)}\n  {string.Join("  ", ids.Select(id => $"{id} {Quoted(Piece(id))}"))}";

    // As JSON, but every character that shows stays itself, also beyond U+FFFF.
    private static string Quoted(string text) => $"\"{string.Concat(text.Select(c =>
        char.IsControl(c) || c is '"' or '\\' ? JsonSerializer.Serialize(c.ToString(), Readable)[1..^1] : c.ToString()))}\"";

    public string Conversation(int line, ChatTemplate template, RenderedChat chat)
    {
        var runs = Runs(chat.Learn).ToList();
        if (json) return JsonSerializer.Serialize(new
        {
            line,
            template = template.Name,
            template_sha256 = template.Sha256,
            ids = chat.Tokens,
            learned = runs.Where(r => r.Learned).Select(r => new[] { r.Start, r.End }),
            spans = chat.Spans.Select(s => new
            {
                role = s.Role,
                turn = s.Turn,
                start = s.Start,
                end = s.End,
                text = tokenizer.Decode(chat.Tokens[s.Start..s.End]),
            }),
        }, Readable);

        var text = new StringBuilder();
        foreach (var (start, end, learned) in runs)
        {
            var words = tokenizer.Decode(chat.Tokens[start..end]);
            text.Append(!learned ? words : colour ? $"{Green}{words}{Off}" : $"⟦{words}⟧");
        }
        var learnt = chat.Learn.Count(l => l);
        return $"{text.ToString().TrimEnd('\n')}\n" +
            $"-- {chat.Tokens.Length:N0} tokens, {learnt:N0} learned, template {template.Name} ({template.Sha256[..12]})\n";
    }

    // Half a character is no text by itself; its bytes are shown.
    private string Piece(int id)
    {
        var bytes = tokenizer.BytesOf(id);
        try { return Strict.GetString(bytes); }
        catch (DecoderFallbackException) { return string.Concat(bytes.ToArray().Select(b => $"<0x{b:X2}>")); }
    }

    private static IEnumerable<(int Start, int End, bool Learned)> Runs(bool[] learn)
    {
        for (int start = 0, end; start < learn.Length; start = end)
        {
            for (end = start + 1; end < learn.Length && learn[end] == learn[start];) end++;
            yield return (start, end, learn[start]);
        }
    }
}
