namespace Moss.Model.Text;

/// <summary>ChatML: &lt;|im_start|&gt;role\n text &lt;|im_end|&gt;\n.</summary>
internal class ChatMlDialect(string name) : ChatDialect(name)
{
    private const string Start = BpeTrainer.TurnStart, End = BpeTrainer.TurnEnd;

    /// <summary>Said to the model when the conversation has no system text of its own.</summary>
    public string? DefaultSystem { get; init; }

    /// <summary>Tool results are spelled as a user's turn, each inside tool_response tags; several in a row share it.</summary>
    public bool ToolsAsUser { get; init; }

    protected virtual bool Thinks => false;

    public override string Identity => $"moss.template/1\n{Name}\n{DefaultSystem}\n{ToolsAsUser}\n{Thinks}";
    public override IReadOnlyList<string> Terminators => [End];
    public override IReadOnlyList<string> Markers => [Start];

    public override void Spell(IReadOnlyList<ChatTurn> turns, PromptEnd end, ChatWriter to)
    {
        if (DefaultSystem is not null && turns is not [{ Role: ChatTurn.System }, ..])
        {
            to.Mark($"{Start}{ChatTurn.System}\n", Voice.Instruction);
            to.Say(ChatTurn.System, -1, DefaultSystem, Voice.Instruction);
            to.Mark($"{End}\n", Voice.Instruction);
        }
        for (var i = 0; i < turns.Count; i++)
        {
            var (role, text) = (turns[i].Role, turns[i].Text);
            if (role == ChatTurn.Assistant) SpellReply(turns, i, to);
            else if (role == ChatTurn.Tool && ToolsAsUser)
            {
                if (i == 0 || turns[i - 1].Role != ChatTurn.Tool) to.Mark($"{Start}{ChatTurn.User}");
                to.Mark("\n<tool_response>\n");
                to.Say(role, i, text, Voice.Tool);
                to.Mark("\n</tool_response>");
                if (i + 1 == turns.Count || turns[i + 1].Role != ChatTurn.Tool) to.Mark($"{End}\n");
            }
            else
            {
                var voice = role == ChatTurn.System ? Voice.Instruction : role == ChatTurn.Tool ? Voice.Tool : Voice.Human;
                to.Mark($"{Start}{role}\n");
                to.Say(role, i, text, voice);
                to.Mark($"{End}\n");
            }
        }
        if (end == PromptEnd.Reply) to.Mark($"{Start}{ChatTurn.Assistant}\n{PromptOpening}");
    }

    /// <summary>What a prompt holds of the reply already.</summary>
    protected virtual string PromptOpening => "";

    protected virtual void SpellReply(IReadOnlyList<ChatTurn> turns, int turn, ChatWriter to) =>
        Reply(turn, "", turns[turn].Text, to);

    protected static void Reply(int turn, string opening, string text, ChatWriter to)
    {
        to.Mark($"{Start}{ChatTurn.Assistant}\n{opening}");
        to.Say(ChatTurn.Assistant, turn, text, Voice.Moss);
        to.Mark(End, Voice.Moss);
        to.Mark("\n");
    }
}
