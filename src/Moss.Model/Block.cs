using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>One layer: attention and the MLP, each on a normed copy and added to what came in.</summary>
internal sealed class Block : Module
{
    [ComponentName(Name = "input_layernorm")] private readonly Norm _norm;
    [ComponentName(Name = "self_attn")] private readonly Attention _attention;
    [ComponentName(Name = "post_attention_layernorm")] private readonly Norm? _betweenNorm; // none where both read the same copy
    [ComponentName(Name = "mlp")] private readonly Mlp _mlp;

    public Block(ModelConfig config, int layer, Device device, ScalarType type) : base(nameof(Block))
    {
        _norm = new Norm(config.Norm, config.HiddenSize, config.NormEpsilon, device, type);
        _attention = new Attention(config, layer, device, type);
        if (!config.ParallelResidual) _betweenNorm = new Norm(config.Norm, config.HiddenSize, config.NormEpsilon, device, type);
        _mlp = new Mlp(config, device, type);
        RegisterComponents();
    }

    /// <param name="x">(N, D) the residual stream.</param>
    /// <param name="pass">Where each token belongs.</param>
    /// <returns>(N, D) in x's number format, owned by the caller's dispose scope.</returns>
    public Tensor Forward(Tensor x, Pass pass)
    {
        using var scope = NewDisposeScope();
        var seen = _norm.Forward(x, pass.ComputeType);
        var attended = x + _attention.Forward(seen, pass);
        var read = _betweenNorm?.Forward(attended, pass.ComputeType) ?? seen;
        return (attended + _mlp.forward(read)).MoveToOuterDisposeScope();
    }
}
