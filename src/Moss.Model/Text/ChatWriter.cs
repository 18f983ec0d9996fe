namespace Moss.Model.Text;

/// <summary>Whose tokens they are; the loss mask goes by it.</summary>
internal enum Voice { Template, Instruction, Human, Moss, Tool }

/// <summary>Puts a rendered conversation together. Markers are encoded with control tokens, what was said never is.</summary>
/// <param name="said">Ids of texts met before: fitting a conversation renders it several times.</param>
internal sealed class ChatWriter(Tokenizer tokenizer, LossMask mask, Dictionary<string, int[]> said)
{
    private readonly List<int> _tokens = [];
    private readonly List<bool> _learn = [];
    private readonly List<ChatSpan> _spans = [];

    /// <summary>Text of the template itself.</summary>
    public void Mark(string text, Voice voice = Voice.Template) => Add(tokenizer.EncodeWithSpecials(text), voice);

    /// <summary>Text of somebody, which becomes a span.</summary>
    public void Say(string role, int turn, string text, Voice voice)
    {
        if (!said.TryGetValue(text, out var ids)) said[text] = ids = tokenizer.Encode(text);
        var start = _tokens.Count;
        Add(ids, voice);
        _spans.Add(new(role, start, _tokens.Count, turn));
    }

    public RenderedChat Finish() => new([.. _tokens], [.. _learn], _spans);

    private void Add(int[] ids, Voice voice)
    {
        var learn = mask == LossMask.AssistantOnly ? voice == Voice.Moss : voice is not (Voice.Instruction or Voice.Tool);
        _tokens.AddRange(ids);
        for (var i = 0; i < ids.Length; i++) _learn.Add(learn);
    }
}
