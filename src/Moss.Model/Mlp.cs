using Moss.Model.Native;
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
internal sealed class Mlp : Module
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
    /// <param name="tape">Takes what <see cref="Backward"/> needs; null when there is no way back.</param>
    /// <returns>(N, D).</returns>
    public Tensor Forward(Tensor x, Tape? tape)
    {
        using var scope = NewDisposeScope();
        var (gate, up) = (_gate?.Forward(x, tape), _up.Forward(x, tape));
        var bent = tape is null ? Bend(gate, up) : Bent(gate, up, tape);
        return _down.Forward(bent, tape).MoveToOuterDisposeScope();
    }

    /// <param name="gradient">(N, D) at the result.</param>
    /// <returns>(N, D) gradient at x.</returns>
    public Tensor Backward(Tensor gradient, Tape tape)
    {
        using var scope = NewDisposeScope();
        var bent = _down.Backward(gradient, tape);
        var (gate, up) = Unbent(bent, tape, scope);
        var x = _up.Backward(up, tape);
        return (_gate is null ? x : _gate.Backward(gate!, tape, x)).MoveToOuterDisposeScope();
    }

    private static Tensor Bend(Tensor? gate, Tensor up)
    {
        var graph = is_grad_enabled() && up.requires_grad;
        if (Numbers.Here(up) && !graph) return gate is null ? Bends.Gelu(up) : Bends.Gated(gate, up);
        return gate is null ? functional.gelu(up, TorchSharp.Modules.GELU.Approximate.tanh) : functional.silu(gate) * up;
    }

    /// <summary><see cref="Bend"/> with a way back: by hand where memory is at hand, else by autograd.</summary>
    private static Tensor Bent(Tensor? gate, Tensor up, Tape tape)
    {
        if (!Numbers.Here(up)) return gate is null ? tape.Record(g => Bend(null, g[0]), up) : tape.Record(g => Bend(g[0], g[1]), gate, up);
        if (gate is not null) tape.Keep(gate);
        tape.Keep(up);
        return Bend(gate, up);
    }

    /// <param name="gradient">At what <see cref="Bent"/> gave; overwritten.</param>
    /// <returns>The gradients at gate and up.</returns>
    private (Tensor? Gate, Tensor Up) Unbent(Tensor gradient, Tape tape, DisposeScope scope)
    {
        if (!Numbers.Here(gradient))
        {
            var given = tape.Replay(gradient);
            return (_gate is null ? null : given[0], given[^1]);
        }
        var up = tape.Take(scope);
        if (_gate is null)
        {
            Bends.GeluBackward(up, gradient);
            return (null, gradient);
        }
        var gate = tape.Take(scope);
        Bends.GatedBackward(gate, up, gradient);
        return (gate, up);
    }
}
