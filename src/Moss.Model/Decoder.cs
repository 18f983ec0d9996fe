using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>Embedding, layers and final norm: what published files call "model".</summary>
internal sealed class Decoder : Module
{
    [ComponentName(Name = "embed_tokens")] private readonly Embedding _embedding;
    [ComponentName(Name = "layers")] private readonly ModuleList<Block> _layers;
    [ComponentName(Name = "norm")] private readonly RmsNorm _norm;

    public Decoder(ModelConfig config, Device device) : base(nameof(Decoder))
    {
        _embedding = Weightless.Embedding(config.VocabSize, config.HiddenSize, device);
        _layers = new ModuleList<Block>([.. Enumerable.Range(0, config.LayerCount).Select(layer => new Block(config, layer, device))]);
        _norm = new RmsNorm(config.HiddenSize, config.NormEpsilon, device);
        RegisterComponents();
    }

    /// <summary>(V, D); also the head of a tied network.</summary>
    public Parameter EmbeddingWeight => _embedding.weight!;

    /// <param name="ids">(B, T) int64 token ids.</param>
    /// <returns>(B, T, D) after the final norm.</returns>
    public Tensor Forward(Tensor ids, Tensor cos, Tensor sin, Tensor? mask, KvCache? cache)
    {
        using var scope = NewDisposeScope();
        var x = _embedding.forward(ids);
        foreach (var layer in _layers) x = layer.Forward(x, cos, sin, mask, cache);
        return _norm.forward(x).MoveToOuterDisposeScope();
    }
}
