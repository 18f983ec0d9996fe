using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>Root-mean-square norm over the last dimension, statistics in float32. Source: transformers, LlamaRMSNorm.</summary>
internal sealed class RmsNorm : Module<Tensor, Tensor>
{
    private Parameter weight;
    private readonly double _epsilon;

    public RmsNorm(long size, double epsilon, Device device) : base(nameof(RmsNorm))
    {
        weight = new Parameter(ones(size, float32, device));
        _epsilon = epsilon;
        RegisterComponents();
    }

    internal Parameter Weight
    {
        set => ConditionallyRegisterParameter(nameof(weight), weight = value);
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var wide = x.to_type(ScalarType.Float32);
        var scale = rsqrt(wide.square().mean([-1], keepdim: true).add_(_epsilon));
        return ((wide * scale).to_type(x.dtype) * weight).MoveToOuterDisposeScope();
    }
}
