using System.Globalization;
using System.Text;

namespace Moss.Model.Text;

/// <summary>
/// Llama 3.1 and 3.2: &lt;|start_header_id|&gt;role&lt;|end_header_id|&gt;\n\n text &lt;|eot_id|&gt;, a system turn with dates
/// always, texts trimmed.
/// </summary>
/// <param name="date">Spelled as today's, always: part of the template's identity, so that training and serving agree on every
/// day.</param>
internal sealed class Llama3Dialect(string name, string date) : ChatDialect(name)
{
    private const string Begin = "<|begin_of_text|>", End = "<|eot_id|>";
    private const string HeaderStart = "<|start_header_id|>", HeaderEnd = "<|end_header_id|>";

    /// <summary>The date in the published text itself, for places without a clock.</summary>
    public const string PublishedDate = "26 Jul 2024";

    public override string Identity => $"moss.template/1\n{Name}\n{date}";
    public override IReadOnlyList<string> Terminators => [End];
    public override IReadOnlyList<string> Markers => [Begin, HeaderStart, HeaderEnd];

    public override void Spell(IReadOnlyList<ChatTurn> turns, PromptEnd end, ChatWriter to)
    {
        var own = turns[0].Role == ChatTurn.System;
        to.Mark($"{Begin}{Header(ChatTurn.System)}", Voice.Instruction);
        to.Mark($"Cutting Knowledge Date: December 2023\nToday Date: {date}\n\n", Voice.Instruction);
        if (own) to.Say(ChatTurn.System, 0, Trimmed(turns[0].Text), Voice.Instruction);
        to.Mark(End, Voice.Instruction);
        for (var i = own ? 1 : 0; i < turns.Count; i++)
        {
            var (role, text) = (turns[i].Role, turns[i].Text);
            var voice = role switch
            {
                ChatTurn.Assistant => Voice.Moss,
                ChatTurn.Tool => Voice.Tool,
                ChatTurn.System => Voice.Instruction,
                _ => Voice.Human,
            };
            to.Mark(Header(role == ChatTurn.Tool ? "ipython" : role));
            to.Say(role, i, role == ChatTurn.Tool ? Quoted(text) : Trimmed(text), voice);
            to.Mark(End, voice == Voice.Moss ? Voice.Moss : Voice.Template);
        }
        if (end == PromptEnd.Reply) to.Mark(Header(ChatTurn.Assistant));
    }

    private static string Header(string role) => $"{HeaderStart}{role}{HeaderEnd}\n\n";

    // Jinja's trim is Python's: four separators count as white space there and not in .NET.
    private static string Trimmed(string text)
    {
        static bool Blank(char c) => char.IsWhiteSpace(c) || c is >= '\x1C' and <= '\x1F';
        var (start, end) = (0, text.Length);
        while (start < end && Blank(text[start])) start++;
        while (end > start && Blank(text[end - 1])) end--;
        return text[start..end];
    }

    // Jinja's tojson as the reference calls it: nothing beyond ASCII is escaped.
    private static string Quoted(string text)
    {
        var json = new StringBuilder("\"");
        foreach (var c in text)
            _ = c switch
            {
                '"' or '\\' => json.Append('\\').Append(c),
                '\n' => json.Append("\\n"),
                '\r' => json.Append("\\r"),
                '\t' => json.Append("\\t"),
                '\b' => json.Append("\\b"),
                '\f' => json.Append("\\f"),
                < ' ' => json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => json.Append(c),
            };
        return json.Append('"').ToString();
    }
}
