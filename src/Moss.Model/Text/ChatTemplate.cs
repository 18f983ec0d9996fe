using System.Security.Cryptography;
using System.Text;
using Moss.Model.Checkpoints;

namespace Moss.Model.Text;

/// <summary>How a conversation is spelled for one family of models, and which of its tokens are learned.</summary>
/// <remarks>ChatML: &lt;|im_start|&gt;role\n text &lt;|im_end|&gt;\n. Markers are encoded with control tokens, text never.</remarks>
public sealed class ChatTemplate
{
    private readonly Tokenizer _tokenizer;
    private readonly ChatDialect _dialect;
    private readonly int _turnStart, _turnEnd;

    internal ChatTemplate(ChatDialect dialect, Tokenizer tokenizer)
    {
        (_dialect, _tokenizer) = (dialect, tokenizer);
        _turnStart = Control(BpeTrainer.TurnStart);
        _turnEnd = Control(BpeTrainer.TurnEnd);
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(dialect.Identity)));
    }

    /// <summary>The Jinja text of the starter model's template, for whoever makes a checkpoint folder.</summary>
    public const string PlainJinja = ChatDialect.PlainJinja;

    /// <summary>Identity of the spelling: two checkpoints with the same hash render every conversation alike.</summary>
    public string Sha256 { get; }

    public string Name => _dialect.Name;

    /// <summary>The token that ends each turn of MOSS; generation stops at it.</summary>
    public int Terminator => _turnEnd;

    /// <summary>Chosen by the exact Jinja text of the folder, or by name; an unknown text without a name is refused.</summary>
    public static ChatTemplate For(CheckpointFolder folder, Tokenizer tokenizer, string? name = null) =>
        new(ChatDialect.For(folder, name), tokenizer);

    /// <param name="generationPrompt">End with the opening of MOSS's next turn.</param>
    public RenderedChat Render(IReadOnlyList<ChatTurn> turns, bool generationPrompt)
    {
        Check(turns);
        var (tokens, learn, spans) = (new List<int>(), new List<bool>(), new List<ChatSpan>());
        if (_dialect.DefaultSystem is { } system && turns is not [{ Role: ChatTurn.System }, ..]) Turn(new(ChatTurn.System, system), "");
        var lastUser = Enumerable.Range(0, turns.Count).LastOrDefault(i => turns[i].Role == ChatTurn.User, -1);
        for (var i = 0; i < turns.Count; i++) Turn(_dialect.Adapt(turns[i], beforeLastUser: i < lastUser, out var opening), opening);
        if (generationPrompt) Open(ChatTurn.Assistant, _dialect.ReplyOpening);
        return new([.. tokens], [.. learn], spans);

        void Turn(ChatTurn turn, string opening)
        {
            Open(_dialect.RoleName(turn.Role), opening);
            var (start, own) = (tokens.Count, turn.Role == ChatTurn.Assistant);
            Add(_tokenizer.Encode(_dialect.Wrap(turn)), own);
            spans.Add(new(turn.Role, start, tokens.Count));
            Add([_turnEnd], own);
            Add(_tokenizer.EncodeWithSpecials("\n"), false);
        }

        void Open(string role, string opening)
        {
            Add([_turnStart], false);
            Add(_tokenizer.EncodeWithSpecials(role + "\n" + opening), false);
        }

        void Add(int[] ids, bool own)
        {
            tokens.AddRange(ids);
            learn.AddRange(Enumerable.Repeat(own, ids.Length));
        }
    }

    /// <summary>For training: the first exchange that passes the cap and all after it are dropped, whole.</summary>
    /// <returns>Null when not even the first exchange fits, or nothing in it is MOSS's.</returns>
    public IReadOnlyList<ChatTurn>? Fit(IReadOnlyList<ChatTurn> turns, int maxTokens)
    {
        Check(turns);
        var (kept, best) = (new List<ChatTurn>(), 0);
        var length = 0;
        foreach (var exchange in Exchanges(turns))
        {
            length += exchange.Sum(Cost);
            if (length > maxTokens) break;
            kept.AddRange(exchange);
            // An unanswered question teaches nothing; keep it only if a later exchange is answered.
            if (exchange[^1].Role == ChatTurn.Assistant) best = kept.Count;
        }
        while (best > 0 && Render(kept[..best], false).Tokens.Length > maxTokens) best = PreviousEnd(kept, best);
        return best == 0 ? null : kept[..best];
    }

    /// <summary>For chatting: the oldest exchanges are dropped, whole, until the prompt fits; the system text stays.</summary>
    /// <exception cref="ArgumentException">The newest message alone is too long.</exception>
    public FittedChat FitLatest(IReadOnlyList<ChatTurn> turns, int maxPromptTokens)
    {
        Check(turns);
        var system = turns.TakeWhile(t => t.Role == ChatTurn.System).ToList();
        var exchanges = Exchanges(turns.Skip(system.Count).ToList());
        for (var dropped = 0; ;)
        {
            List<ChatTurn> kept = [.. system, .. exchanges.Skip(dropped).SelectMany(e => e)];
            var tokens = kept.Count == 0 ? 0 : Render(kept, generationPrompt: true).Tokens.Length;
            if (tokens <= maxPromptTokens) return new(kept, turns.Count - kept.Count);
            if (dropped >= exchanges.Count - 1) throw new ArgumentException(
                $"The newest message makes a prompt of {tokens:N0} tokens, but only {maxPromptTokens:N0} fit. Shorten the message, or the system text.", nameof(turns));
            var excess = tokens - maxPromptTokens;
            do excess -= exchanges[dropped++].Sum(Cost); while (excess > 0 && dropped < exchanges.Count - 1);
        }
    }

    private static int PreviousEnd(List<ChatTurn> turns, int end) =>
        end < 2 ? 0 : turns.FindLastIndex(end - 2, t => t.Role == ChatTurn.Assistant) + 1;

    /// <summary>Each starts at a user's message; the first also holds what comes before it.</summary>
    private static List<List<ChatTurn>> Exchanges(IReadOnlyList<ChatTurn> turns)
    {
        var exchanges = new List<List<ChatTurn>>();
        var asked = false;
        foreach (var turn in turns)
        {
            var starts = turn.Role == ChatTurn.User && asked && exchanges[^1][^1].Role != ChatTurn.User;
            if (exchanges.Count == 0 || starts) exchanges.Add([]);
            exchanges[^1].Add(turn);
            asked |= turn.Role == ChatTurn.User;
        }
        return exchanges;
    }

    // Marker, role, newline, text, terminator, newline; the exact length is checked by rendering.
    private int Cost(ChatTurn turn) => 3 + _tokenizer.Encode(_dialect.RoleName(turn.Role)).Length + 1 + _tokenizer.Encode(turn.Text).Length;

    private static void Check(IReadOnlyList<ChatTurn> turns)
    {
        if (turns.Count == 0) throw new ArgumentException("A conversation needs at least one message.", nameof(turns));
        foreach (var (turn, i) in turns.Select((t, i) => (t, i)))
            if (turn.Role is not (ChatTurn.System or ChatTurn.User or ChatTurn.Assistant or ChatTurn.Tool)) throw new ArgumentException(
                $"Message {i + 1} has the role \"{turn.Role}\"; roles are system, user, assistant and tool.", nameof(turns));
    }

    private int Control(string token) => _tokenizer.IdOf(token) ?? throw new InvalidDataException(
        $"The chat template \"{_dialect.Name}\" needs the control token {token}, which this tokenizer does not have. " +
        "Template and tokenizer come from different models.");
}
