using static TorchSharp.torch;

namespace Moss.Model.Checkpoints;

/// <summary>Where a tensor of a file goes.</summary>
/// <param name="Tensor">Has the shape that the file must have.</param>
/// <param name="Filled">Called with the tensor once it is read, for what is stored otherwise than the network keeps it.</param>
internal sealed record TensorTarget(Tensor Tensor, Action<Tensor>? Filled = null);

/// <summary>A tensor about to be written; made only when its turn comes, so that no second copy of a network exists.</summary>
internal sealed record UnwrittenTensor(string Name, long[] Shape, Func<Tensor> Value)
{
    public long Count => Shape.Aggregate(1L, (product, size) => checked(product * size));
}
