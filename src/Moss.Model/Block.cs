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
        if (pass is { Tape: { } tape, Checkpointing: true })
        {
            tape.Keep(x);
            pass = pass with { Tape = null };
        }
        return Compute(x, pass).MoveToOuterDisposeScope();
    }

    /// <param name="gradient">(N, D) float32 at the result.</param>
    /// <returns>(N, D) float32 gradient at x.</returns>
    public Tensor Backward(Tensor gradient, Pass pass)
    {
        if (!pass.Checkpointing) return Undo(gradient, pass, pass.Tape!);
        using var scope = NewDisposeScope();
        using var tape = new Tape(pass.Tape!.Scratch);
        _ = Compute(pass.Tape.Take(scope), pass with { Tape = tape });
        return Undo(gradient, pass, tape).MoveToOuterDisposeScope();
    }

    private Tensor Compute(Tensor x, Pass pass)
    {
        var seen = _norm.Forward(x, pass);
        var attended = x + _attention.Forward(seen, pass);
        var read = _betweenNorm?.Forward(attended, pass) ?? seen;
        return attended + _mlp.Forward(read, pass.Tape);
    }

    /// <summary><see cref="Compute"/> in reverse; the residual stream's gradient stays float32 as the stream itself does.</summary>
    private Tensor Undo(Tensor gradient, Pass pass, Tape tape)
    {
        using var scope = NewDisposeScope();
        var read = _mlp.Backward(gradient.to_type(pass.ComputeType), tape);
        var attended = _betweenNorm is null ? gradient : gradient + Norm.Backward(read, tape);
        var seen = _attention.Backward(attended.to_type(pass.ComputeType), pass, tape);
        if (_betweenNorm is null) seen.add_(read); // both read the one normed copy
        return (attended + Norm.Backward(seen, tape)).MoveToOuterDisposeScope();
    }
}
