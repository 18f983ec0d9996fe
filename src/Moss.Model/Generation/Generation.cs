using Moss.Model.Checkpoints;
using Moss.Model.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Generation;

/// <summary>One reply in the making, stepped token by token by one caller at a time.</summary>
public sealed class Generation : IDisposable
{
    public const string StoppedByToken = "stop", StoppedByLength = "length", StoppedByText = "stop_string";

    private readonly Transformer _model;
    private readonly SamplingOptions _options;
    private readonly Sampler _sampler;
    private readonly StreamingDecoder? _decoder;
    private readonly StopTexts _stops;
    private readonly IReadOnlySet<int> _stopIds;
    private readonly int _tokenizerSize;
    private readonly KvCache _cache;
    private readonly List<int> _ids = [];
    private int[] _pending; // tokens the network has not seen yet

    /// <param name="prompt">Rendered conversation with the opening of MOSS's turn.</param>
    public Generation(LoadedCheckpoint checkpoint, int[] prompt, SamplingOptions options)
        : this(checkpoint.Transformer, prompt, options, checkpoint.StopIds, checkpoint.Tokenizer.Size, checkpoint.Tokenizer) =>
        _decoder = new StreamingDecoder(checkpoint.Tokenizer, checkpoint.ChatTemplate.SpaceBeforeReply);

    internal Generation(
        Transformer model, int[] prompt, SamplingOptions options, IReadOnlySet<int> stopIds, int tokenizerSize, Tokenizer? tokenizer)
    {
        if (prompt.Length == 0) throw new ArgumentException("The prompt has no tokens; there is nothing to answer.", nameof(prompt));
        if (prompt.Length >= model.Config.ContextLength) throw new ArgumentException(
            $"The prompt has {prompt.Length:N0} tokens, but with room for a reply at most {model.Config.ContextLength - 1:N0} fit. Shorten the conversation.", nameof(prompt));
        (_model, _options, _stopIds, _tokenizerSize, _pending) = (model, options.Checked(), stopIds, tokenizerSize, prompt);
        _sampler = new Sampler(options);
        foreach (var id in prompt) _sampler.Said(id);
        _decoder = tokenizer is null ? null : new StreamingDecoder(tokenizer);
        _stops = new StopTexts(options.Stop);
        _cache = new KvCache(model.Config);
        PromptTokens = prompt.Length;
    }

    /// <summary>"stop" (MOSS ended its turn), "length" or "stop_string"; null while going on.</summary>
    public string? StopReason { get; private set; }

    public int PromptTokens { get; }

    /// <summary>Tokens chosen so far, the one that ended the turn included.</summary>
    public int CompletionTokens => _ids.Count;

    /// <summary>Sum over the chosen tokens of log p under the model itself, nats.</summary>
    public double SumLogProb { get; private set; }

    public IReadOnlyList<int> Ids => _ids;

    /// <summary>Makes one token; the first call also reads the prompt.</summary>
    /// <param name="newText">Text that became certain; may be empty, and on the last call holds the rest.</param>
    /// <returns>False when the reply is finished.</returns>
    public bool Step(out string newText)
    {
        if (StopReason is not null)
        {
            newText = "";
            return false;
        }
        var (id, logProb) = NextToken();
        _ids.Add(id);
        SumLogProb += logProb;
        _sampler.Said(id);
        _pending = [id];
        if (_stopIds.Contains(id)) return Finish(StoppedByToken, "", out newText);

        newText = _stops.Push(_decoder?.Push(id) ?? "", out var stopped);
        if (stopped)
        {
            StopReason = StoppedByText;
            return false;
        }
        var full = _ids.Count >= _options.MaxNewTokens || PromptTokens + _ids.Count >= _model.Config.ContextLength;
        return !full || Finish(StoppedByLength, newText, out newText);
    }

    /// <summary>The whole reply at once.</summary>
    public static string Complete(LoadedCheckpoint checkpoint, IReadOnlyList<ChatTurn> turns, SamplingOptions options)
    {
        var room = Math.Max(1, checkpoint.Config.ContextLength - options.MaxNewTokens);
        var fitted = checkpoint.ChatTemplate.FitLatest(turns, room);
        using var generation = new Generation(checkpoint, checkpoint.ChatTemplate.Render(fitted.Turns, generationPrompt: true).Tokens, options);
        var reply = new System.Text.StringBuilder();
        for (var more = true; more;)
        {
            more = generation.Step(out var text);
            reply.Append(text);
        }
        return reply.ToString();
    }

    public void Dispose() => _cache.Dispose();

    private (int Id, double LogProb) NextToken()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var ids = tensor(Array.ConvertAll(_pending, id => (long)id), [1, _pending.Length], int64, _model.Device);
        // Rows beyond the tokenizer are padding and stand for nothing.
        var logits = _model.NextLogits(ids, _cache).narrow(0, 0, _tokenizerSize).cpu();
        return _sampler.Choose(logits.data<float>().ToArray());
    }

    private bool Finish(string reason, string before, out string newText)
    {
        StopReason = reason;
        var rest = _stops.Push(_decoder?.Flush() ?? "", out var stopped);
        newText = before + rest + (stopped ? "" : _stops.Flush());
        return false;
    }
}
