using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model;

/// <summary>A forward pass that is to be learned from: its result, and the way back.</summary>
public sealed class LearningPass : IDisposable
{
    private readonly Decoder _decoder;
    private readonly Tensor _ids, _positions;
    private readonly Pass _pass;

    internal LearningPass(Decoder decoder, Tensor ids, Tensor positions, Pass pass, Tensor hidden) =>
        (_decoder, _ids, _positions, _pass, Hidden) = (decoder, ids, positions, pass, hidden);

    /// <summary>(N, D) activations after the final norm, in the compute type, without a graph.</summary>
    public Tensor Hidden { get; }

    /// <param name="places">(R) int64, positions among the N.</param>
    /// <returns>(R, D) their activations, owned by the caller's scope.</returns>
    public Tensor Rows(Tensor places) => Hidden.index_select(0, places);

    /// <summary>Adds to the gradient of every trainable parameter below the head. Once per pass.</summary>
    /// <param name="gradient">(N, D) at <see cref="Hidden"/>.</param>
    public void Backward(Tensor gradient)
    {
        if (!gradient.shape.SequenceEqual(Hidden.shape)) throw new ArgumentException(
            $"The gradient is {string.Join(" x ", gradient.shape)}, the activations {string.Join(" x ", Hidden.shape)}.", nameof(gradient));
        using var mode = no_grad();
        _decoder.Backward(_ids, _positions, _pass, gradient);
    }

    /// <summary>The same where only some positions count.</summary>
    /// <param name="places">(R) as given to <see cref="Rows"/>, each once.</param>
    /// <param name="gradients">(R, D).</param>
    public void Backward(Tensor places, Tensor gradients)
    {
        using var scope = NewDisposeScope();
        Backward(zeros_like(Hidden).index_copy_(0, places, gradients));
    }

    public void Dispose()
    {
        _pass.Tape!.Dispose();
        foreach (var tensor in (Tensor?[])[Hidden, _ids, _positions, _pass.Cos, _pass.Sin]) tensor?.Dispose();
    }
}
