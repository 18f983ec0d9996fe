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
    private readonly Matrix _matrix;

    public Linear(long input, long output, bool hasBias, Device device, ScalarType type) : base(nameof(Linear))
    {
        weight = new Parameter(empty([output, input], type, device));
        if (hasBias) bias = new Parameter(zeros([output], type, device));
        _matrix = new Matrix(weight);
        RegisterComponents();
    }

    public Parameter Weight => weight;

    /// <summary>The low-rank addition in use, or null.</summary>
    public LowRank? Adapter { get; set; }

    /// <param name="x">(…, in).</param>
    /// <returns>(…, out) in x's number format.</returns>
    public override Tensor forward(Tensor x) => Forward(x, tape: null);

    /// <inheritdoc cref="forward"/>
    public Tensor Forward(Tensor x, Tape? tape)
    {
        using var scope = NewDisposeScope();
        tape?.Keep(x);
        var y = functional.linear(x, _matrix.In(x.dtype, tape), bias?.to_type(x.dtype));
        if (Adapter is { } adapter) y = y + (tape is null ? adapter.Of(x) : tape.Record(given => adapter.Of(given[0]), x));
        return y.MoveToOuterDisposeScope();
    }

    /// <summary>Teaches what is trained here.</summary>
    /// <param name="gradient">(N, out) at the result.</param>
    /// <param name="sum">(N, in) that the gradient at x is added to; null for a new one.</param>
    /// <returns>(N, in) gradient at x.</returns>
    public Tensor Backward(Tensor gradient, Tape tape, Tensor? sum = null)
    {
        using var scope = NewDisposeScope();
        var added = Adapter is null ? null : tape.Replay(gradient)[0];
        _matrix.Teach(gradient, tape.Take(scope), tape);
        if (bias is { requires_grad: true }) Matrix.Teach(bias, gradient.sum(0, type: bias.dtype));
        var w = _matrix.Again(gradient.dtype);
        var result = sum is null ? gradient.mm(w).MoveToOuterDisposeScope() : sum.addmm_(gradient, w);
        if (added is not null) result.add_(added);
        return result;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _matrix.Dispose();
        base.Dispose(disposing);
    }
}
