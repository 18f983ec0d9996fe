using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>y = x·Wᵀ + b, computed in the number format of x whatever the weights are kept in.</summary>
/// <remarks>
/// W is (out, in) and starts without values, because nearly always a file fills it. An adapter adds its own low-rank product;
/// it belongs to a <see cref="Adapters.LoraAdapter"/>, not to this module, so it never becomes part of a checkpoint.
/// </remarks>
internal sealed class Linear : Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter? bias;

    public Linear(long input, long output, bool hasBias, Device device, ScalarType type) : base(nameof(Linear))
    {
        weight = new Parameter(empty([output, input], type, device));
        if (hasBias) bias = new Parameter(zeros([output], type, device));
        RegisterComponents();
    }

    public Parameter Weight => weight;

    /// <summary>The low-rank addition in use, or null.</summary>
    public LowRank? Adapter { get; set; }

    /// <param name="x">(…, in).</param>
    /// <returns>(…, out) in x's number format.</returns>
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var y = functional.linear(x, weight.to_type(x.dtype), bias?.to_type(x.dtype));
        return (Adapter is { } adapter ? y + adapter.Of(x) : y).MoveToOuterDisposeScope();
    }
}
