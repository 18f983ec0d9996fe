using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>What a layer does to its input before it reads it.</summary>
public enum NormKind
{
    /// <summary>x / √mean(x²) · w. Zhang and Sennrich 2019, arXiv:1910.07467.</summary>
    RootMeanSquare,

    /// <summary>(x − mean) / √variance · w + b. Ba et al. 2016, arXiv:1607.06450.</summary>
    Layer,
}

/// <summary>Norm over the last dimension, statistics in float32. Sources: transformers, LlamaRMSNorm; torch, LayerNorm.</summary>
internal sealed class Norm : Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter? bias;
    private readonly long[] _shape;
    private readonly double _epsilon;

    public Norm(NormKind kind, long size, double epsilon, Device device, ScalarType type) : base(nameof(Norm))
    {
        weight = new Parameter(ones([size], type, device));
        if (kind == NormKind.Layer) bias = new Parameter(zeros([size], type, device));
        (_shape, _epsilon) = ([size], epsilon);
        RegisterComponents();
    }

    /// <param name="x">(…, size).</param>
    /// <returns>(…, size) in the number format of x.</returns>
    public override Tensor forward(Tensor x) => Forward(x, x.dtype);

    /// <param name="x">(…, size).</param>
    /// <param name="type">Number format of the result: what the matrices after it are computed in.</param>
    /// <returns>(…, size).</returns>
    public Tensor Forward(Tensor x, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var wide = x.to_type(ScalarType.Float32);
        var scale = weight.to_type(ScalarType.Float32);
        var normed = bias is null
            ? wide * rsqrt(wide.square().mean([-1], keepdim: true).add_(_epsilon)) * scale
            : functional.layer_norm(wide, _shape, scale, bias.to_type(ScalarType.Float32), _epsilon);
        return normed.to_type(type).MoveToOuterDisposeScope();
    }

    /// <inheritdoc cref="Forward(Tensor, ScalarType)"/>
    public Tensor Forward(Tensor x, Pass pass) =>
        pass.Tape is { } tape ? tape.Record(given => Forward(given[0], pass.ComputeType), x) : Forward(x, pass.ComputeType);

    /// <returns>(…, size) gradient at x, in x's number format.</returns>
    public static Tensor Backward(Tensor gradient, Tape tape) => tape.Replay(gradient)[0];
}
