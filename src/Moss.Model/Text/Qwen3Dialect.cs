namespace Moss.Model.Text;

/// <summary>Qwen3: ChatML in which a reply opens with thoughts, and only those after the newest question stay.</summary>
/// <param name="thinking">False: the prompt closes the thoughts at once (enable_thinking=false). True: the model writes
/// them.</param>
internal sealed class Qwen3Dialect(string name, bool thinking) : ChatMlDialect(name)
{
    private const string Open = "<think>", Close = "</think>", NoThoughts = "<think>\n\n</think>\n\n";

    protected override bool Thinks => true;
    public override string Identity => thinking ? base.Identity + "\nthinking" : base.Identity;
    protected override string PromptOpening => thinking ? "" : NoThoughts;

    protected override void SpellReply(IReadOnlyList<ChatTurn> turns, int turn, ChatWriter to)
    {
        var (thoughts, answer) = Parts(turns[turn].Text);
        if (turn <= LastQuestion(turns) || (turn + 1 < turns.Count && thoughts.Length == 0)) Reply(turn, "", answer, to);
        // Thoughts that are not there were closed by the prompt and are not to be learned.
        else if (thoughts.Length == 0) Reply(turn, NoThoughts, answer.TrimStart('\n'), to);
        else Reply(turn, "", $"{Open}\n{thoughts.Trim('\n')}\n{Close}\n\n{answer.TrimStart('\n')}", to);
    }

    private static (string Thoughts, string Answer) Parts(string text)
    {
        var (first, last) = (text.IndexOf(Close, StringComparison.Ordinal), text.LastIndexOf(Close, StringComparison.Ordinal));
        if (first < 0) return ("", text);
        var before = text[..first].TrimEnd('\n');
        var open = before.LastIndexOf(Open, StringComparison.Ordinal);
        var thoughts = open < 0 ? before : before[(open + Open.Length)..];
        return (thoughts.TrimStart('\n'), text[(last + Close.Length)..].TrimStart('\n'));
    }

    // A user's turn that is a tool's response in disguise asks nothing. Without any question nothing counts as newer.
    private static int LastQuestion(IReadOnlyList<ChatTurn> turns)
    {
        for (var i = turns.Count - 1; i >= 0; i--)
            if (turns[i].Role == ChatTurn.User && !(turns[i].Text.StartsWith("<tool_response>", StringComparison.Ordinal)
                && turns[i].Text.EndsWith("</tool_response>", StringComparison.Ordinal))) return i;
        return turns.Count - 1;
    }
}
