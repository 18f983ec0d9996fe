using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>Embedding, layers and final norm: what published files call "model".</summary>
internal sealed class Decoder : Module
{
    [ComponentName(Name = "embed_tokens")] private readonly EmbeddingTable _tokens;
    [ComponentName(Name = "embed_positions")] private readonly EmbeddingTable? _positions; // GPT-2; the others rotate
    [ComponentName(Name = "layers")] private readonly ModuleList<Block> _layers;
    [ComponentName(Name = "norm")] private readonly Norm _norm;

    public Decoder(ModelConfig config, Device device, ScalarType type) : base(nameof(Decoder))
    {
        _tokens = new EmbeddingTable(config.VocabSize, config.HiddenSize, device, type);
        if (config.LearnedPositions) _positions = new EmbeddingTable(config.ContextLength, config.HiddenSize, device, type);
        _layers = new ModuleList<Block>([.. Enumerable.Range(0, config.LayerCount).Select(layer => new Block(config, layer, device, type))]);
        _norm = new Norm(config.Norm, config.HiddenSize, config.NormEpsilon, device, type);
        RegisterComponents();
    }

    /// <summary>(V, D); also the head of a tied network.</summary>
    public Parameter EmbeddingWeight => _tokens.Weight;

    /// <param name="ids">(N) int64 token ids.</param>
    /// <param name="positions">(N) int64, each token's place in its own sequence.</param>
    /// <param name="pass">Where each token belongs.</param>
    /// <returns>(N, D) after the final norm, in the compute type.</returns>
    public Tensor Forward(Tensor ids, Tensor positions, Pass pass)
    {
        using var scope = NewDisposeScope();
        // The residual stream stays float32: it is small beside the matrices, and half precision would add up its rounding layer by layer.
        var x = _tokens.forward(ids).to_type(ScalarType.Float32);
        if (_positions is not null) x = x + _positions.forward(positions);
        foreach (var layer in _layers) x = layer.Forward(x, pass);
        return _norm.Forward(x, pass).MoveToOuterDisposeScope();
    }

    /// <summary>The way back of a pass with a tape: adds to every trainable parameter's gradient.</summary>
    /// <param name="gradient">(N, D) at what <see cref="Forward"/> gave, in its number format.</param>
    public void Backward(Tensor ids, Tensor positions, Pass pass, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var x = Norm.Backward(gradient, pass.Tape!);
        for (var layer = _layers.Count - 1; layer >= 0; layer--)
        {
            var before = _layers[layer].Backward(x, pass);
            x.Dispose();
            x = before;
        }
        _positions?.Backward(positions, x);
        _tokens.Backward(ids, x);
    }

    /// <summary>The head of a tied network.</summary>
    public EmbeddingTable Tokens => _tokens;
}
