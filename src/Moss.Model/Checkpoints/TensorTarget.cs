using static TorchSharp.torch;

namespace Moss.Model.Checkpoints;

/// <summary>Where a tensor of a file goes.</summary>
/// <param name="Shape">What the file must have.</param>
/// <param name="Memory">Asked for only once every shape in the file is known to be right.</param>
/// <param name="Filled">Called with the tensor once it is read, for what is stored otherwise than the network keeps it; the
/// tensor is then disposed.</param>
internal sealed record TensorTarget(long[] Shape, Func<Tensor> Memory, Action<Tensor>? Filled = null)
{
    public TensorTarget(Tensor tensor, Action<Tensor>? filled = null) : this(tensor.shape, () => tensor, filled) { }
}
