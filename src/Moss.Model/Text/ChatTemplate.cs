using Moss.Model.Checkpoints;

namespace Moss.Model.Text;

/// <summary>How a conversation is spelled for one family of models, and which of its tokens are learned.</summary>
public sealed class ChatTemplate
{
    private readonly Tokenizer _tokenizer;
    private readonly ChatDialect _dialect;

    internal ChatTemplate(ChatDialect dialect, Tokenizer tokenizer)
    {
        (_dialect, _tokenizer) = (dialect, tokenizer);
        foreach (var marker in dialect.Markers) Control(marker);
        Terminators = [.. dialect.Terminators.Select(Control)];
        Sha256 = ChatDialect.Sha256(dialect.Identity);
    }

    /// <summary>The Jinja text of the starter model's template, for whoever makes a checkpoint folder.</summary>
    public const string PlainJinja = ChatDialects.PlainJinja;

    /// <summary>Templates that can be asked for by name.</summary>
    public static IEnumerable<string> Names => ChatDialects.Names;

    /// <summary>Identity of the spelling: two checkpoints with the same hash render every conversation alike.</summary>
    public string Sha256 { get; }

    public string Name => _dialect.Name;

    /// <summary>The token that ends each turn of MOSS; generation stops at it.</summary>
    public int Terminator => Terminators[0];

    /// <summary>All tokens at which generation stops; MOSS-003's commands to tools end with one of their own.</summary>
    public IReadOnlyList<int> Terminators { get; }

    /// <summary>
    /// Generated replies begin with a space that belongs to the spelling (MOSS-003); it is not part of the text.
    /// </summary>
    public bool SpaceBeforeReply => _dialect.SpaceBeforeReply;

    /// <summary>Whether a prompt can ask for commands to tools before the reply.</summary>
    public bool HasCommands => _dialect.HasCommands;

    /// <summary>
    /// Chosen by the exact Jinja text of the folder, by MOSS's own tokens, or by name; an unknown text without a name is
    /// refused.
    /// </summary>
    public static ChatTemplate For(CheckpointFolder folder, Tokenizer tokenizer, string? name = null) =>
        new(ChatDialects.For(folder.Path, folder.ChatTemplateText, folder.Config.Family, tokenizer, name), tokenizer);

    /// <summary>The same; null when the folder says nothing about its template and none is named.</summary>
    public static ChatTemplate? Find(CheckpointFolder folder, Tokenizer tokenizer, string? name = null) =>
        name is null && folder.ChatTemplateText is null && !ChatDialects.IsMoss(folder.Config.Family, tokenizer)
            ? null : For(folder, tokenizer, name);

    /// <summary>As <see cref="For(CheckpointFolder, Tokenizer, string?)"/>, for a folder that need hold no weights.</summary>
    public static ChatTemplate For(string folder, Tokenizer tokenizer, string? name = null) =>
        new(ChatDialects.For(
            folder, CheckpointFolder.ReadTemplate(folder), CheckpointFolder.ReadFamily(folder), tokenizer, name), tokenizer);

    /// <param name="generationPrompt">End with the opening of MOSS's next turn; with a last turn that has commands and no words
    /// yet, of its words.</param>
    public RenderedChat Render(IReadOnlyList<ChatTurn> turns, bool generationPrompt, LossMask mask = LossMask.AssistantOnly) =>
        Render(turns, generationPrompt ? PromptEnd.Reply : PromptEnd.None, mask, []);

    /// <summary>
    /// A prompt at whose end the model writes thoughts and commands to its tools,
    /// until the second of <see cref="Terminators"/>.
    /// </summary>
    /// <remarks>What came of them goes into a last turn without words; a generation prompt then asks for these.</remarks>
    public RenderedChat RenderForCommands(IReadOnlyList<ChatTurn> turns) => HasCommands
        ? Render(turns, PromptEnd.Commands, LossMask.AssistantOnly, [])
        : throw new InvalidOperationException($"The chat template \"{Name}\" has no commands to tools; \"moss\" has.");

    /// <summary>For training: the first exchange that passes the cap and all after it are dropped, whole.</summary>
    /// <returns>Null when not even the first exchange fits, or nothing in it is MOSS's.</returns>
    public IReadOnlyList<ChatTurn>? Fit(IReadOnlyList<ChatTurn> turns, int maxTokens)
    {
        Check(turns);
        var (kept, best, said) = (new List<ChatTurn>(), 0, new Dictionary<string, int[]>());
        bool Fits(IReadOnlyList<ChatTurn> some) =>
            Render(some, PromptEnd.None, LossMask.AssistantOnly, said).Tokens.Length <= maxTokens;
        var all = Fits(turns);
        foreach (var exchange in Exchanges(turns))
        {
            kept.AddRange(exchange);
            if (!all && !Fits(kept)) break;
            // An unanswered question teaches nothing; keep it only if a later exchange is answered.
            if (exchange[^1].Role == ChatTurn.Assistant) best = kept.Count;
        }
        return best == 0 ? null : kept[..best];
    }

    /// <summary>For chatting: the oldest exchanges are dropped, whole, until the prompt fits; the system text stays.</summary>
    /// <exception cref="ArgumentException">The newest message alone is too long.</exception>
    /// <param name="generationPrompt">Whether the opening of MOSS's next turn must fit as well.</param>
    public FittedChat FitLatest(IReadOnlyList<ChatTurn> turns, int maxPromptTokens, bool generationPrompt = true)
    {
        Check(turns);
        var said = new Dictionary<string, int[]>();
        var system = turns.TakeWhile(t => t.Role == ChatTurn.System).ToList();
        var exchanges = Exchanges(turns.Skip(system.Count).ToList());
        List<ChatTurn> Without(int dropped) => [.. system, .. exchanges.Skip(dropped).SelectMany(e => e)];
        var end = generationPrompt ? PromptEnd.Reply : PromptEnd.None;
        int Length(int dropped) => Render(Without(dropped), end, LossMask.AssistantOnly, said).Tokens.Length;

        var (fewest, most) = (0, Math.Max(0, exchanges.Count - 1)); // exchanges to drop: the fewest that make it fit
        if (Length(0) is var whole && whole <= maxPromptTokens) return new(Without(0), 0);
        if (Length(most) is var newest && newest > maxPromptTokens) throw new ArgumentException(
            $"The newest message makes a prompt of {newest:N0} tokens, but only {maxPromptTokens:N0} fit. " +
            "Shorten the message, or the system text.", nameof(turns));
        while (fewest < most)
        {
            var middle = (fewest + most) / 2;
            if (Length(middle) <= maxPromptTokens) most = middle;
            else fewest = middle + 1;
        }
        var kept = Without(fewest);
        return new(kept, turns.Count - kept.Count);
    }

    private RenderedChat Render(IReadOnlyList<ChatTurn> turns, PromptEnd end, LossMask mask, Dictionary<string, int[]> said)
    {
        Check(turns);
        var writer = new ChatWriter(_tokenizer, mask, said);
        _dialect.Spell(turns, end, writer);
        return writer.Finish();
    }

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

    private static void Check(IReadOnlyList<ChatTurn> turns)
    {
        if (turns.Count == 0) throw new ArgumentException("A conversation needs at least one message.", nameof(turns));
        foreach (var (turn, i) in turns.Select((t, i) => (t, i)))
            if (turn.Role is not (ChatTurn.System or ChatTurn.User or ChatTurn.Assistant or ChatTurn.Tool))
                throw new ArgumentException(
                    $"Message {i + 1} has the role \"{turn.Role}\"; roles are system, user, assistant and tool.", nameof(turns));
    }

    private int Control(string token) => _tokenizer.IdOf(token) ?? throw new InvalidDataException(
        $"The chat template \"{_dialect.Name}\" needs the control token {token}, which this tokenizer does not have. " +
        "Template and tokenizer come from different models.");
}
