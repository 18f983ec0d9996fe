using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>One layer: attention, then the MLP, each on a normed copy and added to what came in.</summary>
internal sealed class Block : Module
{
    [ComponentName(Name = "input_layernorm")] private readonly RmsNorm _beforeAttention;
    [ComponentName(Name = "self_attn")] private readonly Attention _attention;
    [ComponentName(Name = "post_attention_layernorm")] private readonly RmsNorm _beforeMlp;
    [ComponentName(Name = "mlp")] private readonly Mlp _mlp;

    public Block(ModelConfig config, int layer, Device device) : base(nameof(Block))
    {
        _beforeAttention = new RmsNorm(config.HiddenSize, config.NormEpsilon, device);
        _attention = new Attention(config, layer, device);
        _beforeMlp = new RmsNorm(config.HiddenSize, config.NormEpsilon, device);
        _mlp = new Mlp(config, device);
        RegisterComponents();
    }

    /// <inheritdoc cref="Attention.Forward"/>
    public Tensor Forward(Tensor x, Tensor cos, Tensor sin, Tensor? mask, KvCache? cache)
    {
        using var scope = NewDisposeScope();
        var attended = x + _attention.Forward(_beforeAttention.forward(x), cos, sin, mask, cache);
        return (attended + _mlp.forward(_beforeMlp.forward(attended))).MoveToOuterDisposeScope();
    }
}
