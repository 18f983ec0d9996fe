using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model.Learning;

/// <summary>One number per document, read from its last token: how good it is. Zero at first, so that every comparison starts even.</summary>
/// <remarks>In its own file beside the network, because a network with it still speaks.</remarks>
public sealed class RewardHead : IDisposable
{
    public const string FileName = "reward_head.safetensors", TensorName = "score.weight";

    public RewardHead(Transformer model)
    {
        using var scope = NewDisposeScope();
        Weight = scope.Detach(new Parameter(zeros([1, model.Config.HiddenSize], float32, model.Device)));
    }

    /// <summary>(1, D) float32.</summary>
    public Parameter Weight { get; }

    /// <param name="ends">(documents, D) activations at the documents' last tokens.</param>
    /// <returns>(documents) float32.</returns>
    public Tensor Of(Tensor ends) => functional.linear(ends.to_type(ScalarType.Float32), Weight).squeeze(1);

    public void Dispose() => Weight.Dispose();
}
