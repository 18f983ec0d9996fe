using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>One row of numbers per token id or position. Starts without values, because nearly always a file fills it.</summary>
internal sealed class EmbeddingTable : Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Matrix _matrix;

    public EmbeddingTable(long rows, long width, Device device, ScalarType type) : base(nameof(EmbeddingTable))
    {
        weight = new Parameter(empty([rows, width], type, device));
        _matrix = new Matrix(weight);
        RegisterComponents();
    }

    /// <summary>(rows, width).</summary>
    public Parameter Weight => weight;

    /// <param name="ids">(N) int64.</param>
    /// <returns>(N, width) in the table's number format.</returns>
    public override Tensor forward(Tensor ids) => weight.index_select(0, ids);

    /// <summary>Adds each token's gradient to its row, if the table is trained.</summary>
    /// <param name="gradient">(N, width) at the rows that <see cref="forward"/> gave.</param>
    public void Backward(Tensor ids, Tensor gradient) => _matrix.TeachRows(ids, gradient);

    /// <summary>The table as the head of a tied network: how well each row fits.</summary>
    /// <param name="x">(…, width).</param>
    /// <returns>(…, rows) in x's number format.</returns>
    public Tensor Scores(Tensor x, Tape? tape)
    {
        using var scope = NewDisposeScope();
        tape?.Keep(x);
        return functional.linear(x, _matrix.In(x.dtype, tape)).MoveToOuterDisposeScope();
    }

    /// <param name="gradient">(N, rows) at the scores.</param>
    /// <returns>(N, width) gradient at x.</returns>
    public Tensor ScoresBackward(Tensor gradient, Tape tape)
    {
        using var scope = NewDisposeScope();
        _matrix.Teach(gradient, tape.Take(scope), tape);
        return gradient.mm(_matrix.Again(gradient.dtype)).MoveToOuterDisposeScope();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _matrix.Dispose();
        base.Dispose(disposing);
    }
}
