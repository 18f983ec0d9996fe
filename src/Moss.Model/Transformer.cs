using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>The whole network: token ids in, one score per vocabulary entry and position out.</summary>
/// <remarks>Shapes: B batch, T tokens, D hidden, V vocabulary. Parameters are named as in published files (FAMILY: llama, qwen2, qwen3).</remarks>
public sealed class Transformer : Module
{
    [ComponentName(Name = "model")] private readonly Decoder _decoder;
    [ComponentName(Name = "lm_head")] private readonly Linear? _head;
    private readonly Rotary _rotary;

    /// <summary>A network of random weights.</summary>
    public Transformer(ModelConfig config, Device? device = null) : this(config, device ?? CPU, device ?? CPU) { }

    private Transformer(ModelConfig config, Device device, Device place) : base(nameof(Transformer))
    {
        TorchRuntime.Ensure();
        Config = config;
        Device = device;
        using (var scope = NewDisposeScope())
        using (no_grad())
        {
            _decoder = new Decoder(config, place);
            _head = config.TiedEmbeddings ? null : Linear(config.HiddenSize, config.VocabSize, hasBias: false, place);
            RegisterComponents();
            foreach (var parameter in parameters()) scope.Detach(parameter);
        }
        _rotary = new Rotary(config, Device);
    }

    /// <summary>The network's modules and shapes without a byte of weights: to be counted, compared with files, and then filled.</summary>
    /// <remarks>On libtorch's "meta" device; <see cref="Weightless.Allocate"/> gives it memory, once the files are known to fit.</remarks>
    public static Transformer Unfilled(ModelConfig config, Device? device = null) => new(config, device ?? CPU, META);

    public ModelConfig Config { get; }
    public Device Device { get; }

    /// <summary>(V, D) weight of the output head; the embedding itself when tied.</summary>
    internal Parameter HeadWeight => _head?.weight ?? _decoder.EmbeddingWeight;

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
        var hidden = Hidden(ids, cache);
        return Head(hidden.select(0, 0).narrow(0, hidden.shape[1] - 1, 1)).flatten().MoveToOuterDisposeScope();
    }

    /// <returns>(B, T, D) activations after the final norm; <see cref="Head"/> turns them into logits.</returns>
    public Tensor Hidden(Tensor ids, KvCache? cache = null)
    {
        using var scope = NewDisposeScope();
        var (before, t) = (cache?.Length ?? 0, ids.shape[1]);
        if (before + t > Config.ContextLength) throw new ArgumentException(
            $"{before + t:N0} tokens do not fit this network's context of {Config.ContextLength:N0}. Shorten the conversation.", nameof(ids));
        var (cos, sin) = _rotary.At(before, t);
        // SDPA's own causal mask starts at the first key, so several new tokens behind a cache need theirs spelled out.
        var mask = before > 0 && t > 1 ? ones([t, before + t], @bool, Device).tril(before) : null;
        var hidden = _decoder.Forward(ids, cos, sin, mask, cache);
        cache?.Advance(t);
        return hidden.MoveToOuterDisposeScope();
    }

    /// <param name="hidden">(…, D) activations.</param>
    /// <returns>(…, V) logits in float32.</returns>
    public Tensor Head(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        return functional.linear(hidden, HeadWeight).to_type(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _rotary.Dispose();
        base.Dispose(disposing);
    }
}
