using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>SwiGLU: down(silu(gate x) · up x). Shazeer 2020, arXiv:2002.05202.</summary>
internal sealed class Mlp : Module<Tensor, Tensor>
{
    [ComponentName(Name = "gate_proj")] private readonly Linear _gate;
    [ComponentName(Name = "up_proj")] private readonly Linear _up;
    [ComponentName(Name = "down_proj")] private readonly Linear _down;

    public Mlp(ModelConfig config, Device device) : base(nameof(Mlp))
    {
        _gate = Linear(config.HiddenSize, config.IntermediateSize, config.MlpBias, device);
        _up = Linear(config.HiddenSize, config.IntermediateSize, config.MlpBias, device);
        _down = Linear(config.IntermediateSize, config.HiddenSize, config.MlpBias, device);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return _down.forward(functional.silu(_gate.forward(x)) * _up.forward(x)).MoveToOuterDisposeScope();
    }
}
