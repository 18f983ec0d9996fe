using Moss.Model.Checkpoints;
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

    /// <summary>Writes the head into an existing checkpoint folder.</summary>
    public void Save(string folder) => Safetensors.Save(Path.Combine(folder, FileName), [(TensorName, (Tensor)Weight)]);

    /// <summary>The head of a checkpoint that scores replies.</summary>
    /// <exception cref="InvalidDataException">The folder has none, or one of another network.</exception>
    public static RewardHead Load(string folder, Transformer model)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) throw new InvalidDataException($"'{folder}' has no {FileName}: this checkpoint talks, it does not score. Use one of a reward run.");
        var head = new RewardHead(model);
        using var mode = no_grad();
        if (Safetensors.Load(path, name => name == TensorName ? head.Weight : null).Count == 1) return head;
        head.Dispose();
        throw new InvalidDataException($"'{path}' does not hold {TensorName}. The checkpoint is damaged; use another copy.");
    }

    public void Dispose() => Weight.Dispose();
}
