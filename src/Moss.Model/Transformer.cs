using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>The whole network: token ids in, one score per vocabulary entry and position out.</summary>
/// <remarks>
/// Shapes: B sequences, T tokens of each, N tokens in all, D hidden, V vocabulary. Every family runs through the same modules, described by one
/// <see cref="ModelConfig"/>; parameters are named as Llama's, and <see cref="Families.WeightLayout"/> knows how each family's files spell them.
/// </remarks>
public sealed class Transformer : Module
{
    [ComponentName(Name = "model")] private readonly Decoder _decoder;
    [ComponentName(Name = "lm_head")] private readonly Linear? _head;
    private readonly Rotary? _rotary;
    private readonly Scratch _scratch = new();

    /// <summary>Makes a network whose matrices hold no values yet.</summary>
    /// <param name="device">Null for the CPU.</param>
    /// <param name="type">Number format that the weights are kept and, unless <see cref="ComputeType"/> says otherwise, computed in.</param>
    public Transformer(ModelConfig config, Device? device = null, ScalarType type = ScalarType.Float32) : base(nameof(Transformer))
    {
        TorchRuntime.Ensure();
        Config = config;
        Device = device ?? CPU;
        ComputeType = WeightType = type;
        using (var scope = NewDisposeScope())
        using (no_grad())
        {
            _decoder = new Decoder(config, Device, type);
            _head = config.TiedEmbeddings ? null : new Linear(config.HiddenSize, config.VocabSize, config.HeadBias, Device, type);
            RegisterComponents();
            foreach (var parameter in parameters()) scope.Detach(parameter);
        }
        _rotary = config.RotaryDim == 0 ? null : new Rotary(config, Device);
    }

    public ModelConfig Config { get; }
    public Device Device { get; }

    /// <summary>Number format that the weights are kept in.</summary>
    public ScalarType WeightType { get; }

    /// <summary>Number format of matrix products and attention. Norms, the residual stream and logits are float32 whatever it is.</summary>
    public ScalarType ComputeType { get; set; }

    /// <summary>While learning each layer keeps its input alone and computes the rest again on the way back: less memory, a third more time, the same bits.</summary>
    public bool Checkpointing { get; set; }

    /// <summary>(V, D) weight of the output head; the embedding itself when tied.</summary>
    internal Parameter HeadWeight => _head?.Weight ?? _decoder.EmbeddingWeight;

    /// <param name="ids">(B, T) int64 token ids, padded on the right; B = 1 with a cache.</param>
    /// <param name="cache">The tokens before these, extended by this call; null when <paramref name="ids"/> is the whole sequence.</param>
    /// <returns>(B, T, V) float32 logits, owned by the caller's dispose scope.</returns>
    public Tensor forward(Tensor ids, KvCache? cache = null)
    {
        using var scope = NewDisposeScope();
        return Head(Hidden(ids, cache)).MoveToOuterDisposeScope();
    }

    /// <summary>The last position's logits alone, (V): what generation needs, without a head over the whole prompt.</summary>
    public Tensor NextLogits(Tensor ids, KvCache? cache = null)
    {
        using var scope = NewDisposeScope();
        return NextLogits(ids.reshape(-1), [new((int)ids.shape[1], cache)]).flatten().MoveToOuterDisposeScope();
    }

    /// <summary>The logits that follow each of several sequences, all read in one pass.</summary>
    /// <param name="ids">(N) int64, the segments' tokens end to end.</param>
    /// <returns>(segments, V) float32, owned by the caller's dispose scope.</returns>
    public Tensor NextLogits(Tensor ids, IReadOnlyList<Segment> segments)
    {
        using var scope = NewDisposeScope();
        var (ends, at) = (new long[segments.Count], -1L);
        for (var i = 0; i < ends.Length; i++) ends[i] = at += segments[i].Count;
        return Head(Hidden(ids, segments).index_select(0, tensor(ends, device: Device))).MoveToOuterDisposeScope();
    }

    /// <returns>(B, T, D) activations after the final norm; <see cref="Head"/> turns them into logits.</returns>
    public Tensor Hidden(Tensor ids, KvCache? cache = null)
    {
        using var scope = NewDisposeScope();
        var (b, t) = (ids.shape[0], ids.shape[1]);
        Segment[] segments = [.. Enumerable.Repeat(new Segment((int)t, cache), (int)b)];
        return Hidden(ids.reshape(-1), segments).view(b, t, Config.HiddenSize).MoveToOuterDisposeScope();
    }

    /// <summary>Sequences of any lengths in one pass: no token sees another sequence, and each sequence's positions start where its cache ends.</summary>
    /// <param name="ids">(N) int64, the segments' tokens end to end.</param>
    /// <returns>(N, D) activations after the final norm.</returns>
    /// <exception cref="ArgumentException">A sequence would become longer than the context, or the counts do not add up.</exception>
    public Tensor Hidden(Tensor ids, IReadOnlyList<Segment> segments)
    {
        using var scope = NewDisposeScope();
        var (positions, pass) = Plan(ids, segments);
        var hidden = _decoder.Forward(ids, positions, pass);
        foreach (var (count, cache) in segments) cache?.Advance(count);
        return hidden.MoveToOuterDisposeScope();
    }

    /// <summary>The same as <see cref="Hidden(Tensor, IReadOnlyList{Segment})"/> with a way back of our own, which is faster than autograd's.</summary>
    public LearningPass Learn(Tensor ids, IReadOnlyList<Segment> segments)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        if (segments.Any(s => s.Cache is not null)) throw new ArgumentException("A pass that learns reads whole sequences, without a cache.", nameof(segments));
        var tape = NewTape();
        try
        {
            var (positions, pass) = Plan(ids, segments);
            pass = pass with { Tape = tape, Checkpointing = Checkpointing };
            var hidden = _decoder.Forward(ids, positions, pass);
            var read = ids.alias();
            scope.Detach(read, positions, hidden);
            if (pass.Cos is not null) scope.Detach(pass.Cos, pass.Sin!);
            return new LearningPass(_decoder, read, positions, pass, hidden);
        }
        catch
        {
            tape.Dispose();
            throw;
        }
    }

    /// <param name="hidden">(…, D) activations.</param>
    /// <returns>(…, V) logits in float32.</returns>
    public Tensor Head(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        return Scores(hidden, tape: null).to_type(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <param name="hidden">(…, D) activations.</param>
    /// <returns>(…, V) logits in the number format of <paramref name="hidden"/>.</returns>
    internal Tensor Scores(Tensor hidden, Tape? tape) => _head?.Forward(hidden, tape) ?? _decoder.Tokens.Scores(hidden, tape);

    /// <param name="gradient">(N, V) at the scores.</param>
    /// <returns>(N, D) gradient at the activations.</returns>
    internal Tensor ScoresBackward(Tensor gradient, Tape tape) => _head?.Backward(gradient, tape) ?? _decoder.Tokens.ScoresBackward(gradient, tape);

    /// <summary>A tape for a pass, or part of one, through this network.</summary>
    internal Tape NewTape() => new(_scratch);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _rotary?.Dispose();
            _scratch.Dispose();
        }
        base.Dispose(disposing);
    }

    private (Tensor Positions, Pass Pass) Plan(Tensor ids, IReadOnlyList<Segment> segments)
    {
        var (places, longest) = Places(ids.shape[0], segments);
        var positions = tensor(places, device: Device);
        var turn = _rotary?.At(positions, longest);
        return (positions, new Pass(segments, turn?.Cos, turn?.Sin, ComputeType));
    }

    /// <returns>Each token's place in its own sequence, and one more than the highest of them.</returns>
    private (long[] Places, long Longest) Places(long tokens, IReadOnlyList<Segment> segments)
    {
        if (segments.Sum(s => (long)s.Count) is var sum && sum != tokens) throw new ArgumentException(
            $"The segments hold {sum:N0} tokens but {tokens:N0} were given.", nameof(segments));
        var (places, longest, at) = (new long[tokens], 0L, 0);
        foreach (var (count, cache) in segments)
        {
            var before = cache?.Length ?? 0;
            longest = Math.Max(longest, before + count);
            for (var i = 0; i < count; i++) places[at++] = before + i;
        }
        return longest <= Config.ContextLength ? (places, longest) : throw new ArgumentException(
            $"{longest:N0} tokens do not fit this network's context of {Config.ContextLength:N0}. Shorten the conversation.", nameof(segments));
    }
}
