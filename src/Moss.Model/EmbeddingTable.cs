using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>One row of numbers per token id or position. Starts without values, because nearly always a file fills it.</summary>
internal sealed class EmbeddingTable : Module<Tensor, Tensor>
{
    private readonly Parameter weight;

    public EmbeddingTable(long rows, long width, Device device, ScalarType type) : base(nameof(EmbeddingTable))
    {
        weight = new Parameter(empty([rows, width], type, device));
        RegisterComponents();
    }

    /// <summary>(rows, width).</summary>
    public Parameter Weight => weight;

    /// <param name="ids">(N) int64.</param>
    /// <returns>(N, width) in the table's number format.</returns>
    public override Tensor forward(Tensor ids) => weight.index_select(0, ids);
}
