using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>The bend between a layer's two large matrices.</summary>
public enum Activation
{
    /// <summary>silu(gate x) · up x, with a gate matrix of its own: SwiGLU. Shazeer 2020, arXiv:2002.05202.</summary>
    GatedSilu,

    /// <summary>gelu(up x), by the tanh formula ("gelu_new"). Hendrycks and Gimpel 2016, arXiv:1606.08415.</summary>
    GeluTanh,
}

/// <summary>down(silu(gate x) · up x), or down(gelu(up x)).</summary>
internal sealed class Mlp : Module<Tensor, Tensor>
{
    [ComponentName(Name = "gate_proj")] private readonly Linear? _gate;
    [ComponentName(Name = "up_proj")] private readonly Linear _up;
    [ComponentName(Name = "down_proj")] private readonly Linear _down;

    public Mlp(ModelConfig config, Device device, ScalarType type) : base(nameof(Mlp))
    {
        if (config.Activation == Activation.GatedSilu) _gate = new(config.HiddenSize, config.IntermediateSize, config.MlpBias, device, type);
        _up = new(config.HiddenSize, config.IntermediateSize, config.MlpBias, device, type);
        _down = new(config.IntermediateSize, config.HiddenSize, config.MlpBias, device, type);
        RegisterComponents();
    }

    /// <param name="x">(N, D).</param>
    /// <returns>(N, D).</returns>
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var bent = _gate is null ? functional.gelu(_up.forward(x), TorchSharp.Modules.GELU.Approximate.tanh) : functional.silu(_gate.forward(x)) * _up.forward(x);
        return _down.forward(bent).MoveToOuterDisposeScope();
    }
}
