using Moss.Model.Checkpoints;
using Moss.Model.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Generation;

/// <summary>One reply in the making, stepped token by token by one caller at a time: alone, or by whoever steps several at once.</summary>
/// <remarks>
/// The prompt is read in pieces of a fixed size from its beginning, so that every reply is computed alike however many others are in the making.
/// <code>Read, Read … until IsReading is false; then per token: read Newest into Cache, Continue with the scores that follow</code>
/// </remarks>
public sealed class Generation : IDisposable
{
    /// <summary>Tokens of a prompt that are read in one pass.</summary>
    public const int PromptPiece = 128;

    public const string StoppedByToken = "stop", StoppedByLength = "length", StoppedByText = "stop_string";

    private readonly Transformer _model;
    private readonly SamplingOptions _options;
    private readonly Sampler _sampler;
    private readonly StreamingDecoder? _decoder;
    private readonly Tokenizer? _tokenizer;
    private readonly StopTexts _stops;
    private readonly IReadOnlySet<int> _stopIds;
    private readonly int _tokenizerSize;
    private readonly int[] _prompt;
    private readonly List<int> _ids = [];
    private readonly List<ChosenToken> _chosen = [];
    private readonly Func<int, bool>? _allows;
    private JsonPrefix _json;
    private KvCache? _cache;

    /// <param name="prompt">Rendered conversation with the opening of MOSS's turn.</param>
    /// <param name="begun">A cache that has read whole pieces of this prompt already; from now on this reply's.</param>
    public Generation(LoadedCheckpoint checkpoint, int[] prompt, SamplingOptions options, KvCache? begun = null)
        : this(checkpoint.Transformer, prompt, options, checkpoint.StopIds, checkpoint.Tokenizer.Size, checkpoint.Tokenizer, begun) =>
        _decoder = new StreamingDecoder(checkpoint.Tokenizer, checkpoint.ChatTemplate.SpaceBeforeReply);

    internal Generation(
        Transformer model, int[] prompt, SamplingOptions options, IReadOnlySet<int> stopIds, int tokenizerSize, Tokenizer? tokenizer,
        KvCache? begun = null)
    {
        if (prompt.Length == 0) throw new ArgumentException("The prompt has no tokens; there is nothing to answer.", nameof(prompt));
        if (prompt.Length >= model.Config.ContextLength) throw new ArgumentException(
            $"The prompt has {prompt.Length:N0} tokens, but with room for a reply at most {model.Config.ContextLength - 1:N0} fit. Shorten the conversation.", nameof(prompt));
        (_model, _options, _stopIds, _tokenizerSize, _prompt) = (model, options.Checked(), stopIds, tokenizerSize, prompt);
        _sampler = new Sampler(options);
        foreach (var id in prompt) _sampler.Said(id);
        _decoder = tokenizer is null ? null : new StreamingDecoder(tokenizer);
        _stops = new StopTexts(options.Stop);
        if (begun is not null && (begun.Length >= prompt.Length || begun.Length % PromptPiece != 0))
            throw new ArgumentException($"A cache of {begun.Length:N0} tokens does not begin a prompt of {prompt.Length:N0} by whole pieces.", nameof(begun));
        _cache = begun ?? new KvCache(model.Config);
        _cache.Room = RoomFor(prompt.Length, options.MaxNewTokens, model.Config);
        (PromptTokens, CachedTokens) = (prompt.Length, (int)(begun?.Length ?? 0));
        if (!options.JsonObject) return;
        if (tokenizer is null) throw new ArgumentException("JSON can only be asked of a model with a tokenizer.", nameof(options));
        _allows = id => !tokenizer.IsSpecial(id) && !stopIds.Contains(id) && _json.Allows(tokenizer.BytesOf(id));
        _tokenizer = tokenizer;
    }

    /// <summary>"stop" (MOSS ended its turn), "length" or "stop_string"; null while going on.</summary>
    public string? StopReason { get; private set; }

    public int PromptTokens { get; }

    /// <summary>Tokens of the prompt that had been read before this reply.</summary>
    public int CachedTokens { get; }

    /// <summary>Tokens chosen so far, the one that ended the turn included.</summary>
    public int CompletionTokens => _ids.Count;

    /// <summary>Sum over the chosen tokens of log p under the model itself, nats.</summary>
    public double SumLogProb { get; private set; }

    public IReadOnlyList<int> Ids => _ids;

    public bool IsReading => _ids.Count == 0 && StopReason is null;

    /// <summary>The newest token, which the network has not seen yet.</summary>
    public int Newest => _ids[^1];

    /// <summary>What the network remembers of this reply.</summary>
    public KvCache Cache => _cache ?? throw new ObjectDisposedException(nameof(Generation));

    /// <summary>Tokens that a reply's cache has to hold at most.</summary>
    public static long RoomFor(int promptTokens, int maxNewTokens, ModelConfig config) => Math.Min(config.ContextLength, (long)promptTokens + maxNewTokens);

    /// <summary>Reads the next piece of the prompt; the last one makes the first token.</summary>
    /// <param name="newText">Text that became certain.</param>
    /// <returns>False when the reply is finished.</returns>
    public bool Read(out string newText)
    {
        newText = "";
        if (!IsReading) return StopReason is null;
        var start = (int)Cache.Length;
        var count = Math.Min(PromptPiece, _prompt.Length - start);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var ids = tensor(Array.ConvertAll(_prompt[start..(start + count)], id => (long)id), int64, _model.Device);
        if (start + count < _prompt.Length)
        {
            _model.Hidden(ids, [new(count, Cache)]);
            return true;
        }
        return Continue(_model.NextLogits(ids, [new(count, Cache)]).cpu().data<float>().ToArray(), out newText);
    }

    /// <summary>Chooses the next token.</summary>
    /// <param name="logits">(V) scores that follow the newest token; overwritten.</param>
    /// <param name="newText">Text that became certain; may be empty, and on the last call holds the rest.</param>
    /// <returns>False when the reply is finished.</returns>
    public bool Continue(Span<float> logits, out string newText)
    {
        var chosen = _sampler.Choose(logits[.._tokenizerSize], _allows); // rows beyond the tokenizer are padding and stand for nothing
        var id = chosen.Id;
        _ids.Add(id);
        SumLogProb += chosen.LogProb;
        _sampler.Said(id);
        if (!_options.IgnoresStopTokens && _stopIds.Contains(id)) return Finish(StoppedByToken, "", out newText);
        if (_options.Likeliest is not null) _chosen.Add(chosen);

        newText = _stops.Push(_decoder?.Push(id) ?? "", out var stopped);
        if (stopped)
        {
            StopReason = StoppedByText;
            return false;
        }
        if (_allows is not null && _json.Push(_tokenizer!.BytesOf(id)) && _json.IsComplete) return Finish(StoppedByToken, newText, out newText);
        var full = _ids.Count >= _options.MaxNewTokens || PromptTokens + _ids.Count >= _model.Config.ContextLength;
        return !full || Finish(StoppedByLength, newText, out newText);
    }

    /// <summary>Makes one token by itself; the first call also reads the whole prompt.</summary>
    /// <param name="newText">Text that became certain; may be empty, and on the last call holds the rest.</param>
    /// <returns>False when the reply is finished.</returns>
    public bool Step(out string newText)
    {
        newText = "";
        if (StopReason is not null) return false;
        if (IsReading)
        {
            var more = true;
            while (more && IsReading) more = Read(out newText);
            return more;
        }
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        return Continue(_model.NextLogits(tensor([(long)Newest], int64, _model.Device), [new(1, Cache)]).cpu().data<float>().ToArray(), out newText);
    }

    /// <summary>The whole reply at once.</summary>
    public static string Complete(LoadedCheckpoint checkpoint, IReadOnlyList<ChatTurn> turns, SamplingOptions options)
    {
        var room = Math.Max(1, checkpoint.Config.ContextLength - options.MaxNewTokens);
        var fitted = checkpoint.ChatTemplate.FitLatest(checkpoint.Asked(turns), room);
        using var generation = new Generation(checkpoint, checkpoint.ChatTemplate.Render(fitted.Turns, generationPrompt: true).Tokens, options);
        var reply = new System.Text.StringBuilder();
        for (var more = true; more;)
        {
            more = generation.Step(out var text);
            reply.Append(text);
        }
        return reply.ToString();
    }

    /// <summary>The tokens since the last asking, when <see cref="SamplingOptions.Likeliest"/> asks for them; the one that ended the turn is not told.</summary>
    public IReadOnlyList<ChosenToken> TakeChosen()
    {
        if (_chosen.Count == 0) return [];
        List<ChosenToken> taken = [.. _chosen];
        _chosen.Clear();
        return taken;
    }

    /// <summary>Gives the cache away, with the prompt that it has read, for the conversation's next turn.</summary>
    public (int[] Prompt, KvCache Cache) TakeCache()
    {
        var cache = Cache;
        _cache = null;
        return (_prompt, cache);
    }

    public void Dispose()
    {
        _cache?.Dispose();
        _cache = null;
    }

    private bool Finish(string reason, string before, out string newText)
    {
        StopReason = reason;
        var rest = _stops.Push(_decoder?.Flush() ?? "", out var stopped);
        newText = before + rest + (stopped ? "" : _stops.Flush());
        return false;
    }
}
