using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model;

/// <summary>What a forward pass leaves for its way back: a stack, because the way back takes everything in reverse order.</summary>
/// <remarks>
/// The large matrices are differentiated by hand, so that their gradients go straight into the float32 sums; what lies between them is recorded in short
/// stretches that autograd differentiates. No C# runs inside autograd, where an exception would end the process, and each stretch is freed once it is used.
/// </remarks>
internal sealed class Tape(Scratch scratch) : IDisposable
{
    private readonly Stack<Tensor[]> _kept = new();

    /// <summary>Memory that every step of the way back may use for a moment.</summary>
    public Scratch Scratch => scratch;

    /// <summary>Puts a tensor aside, whatever becomes of its dispose scope.</summary>
    public void Keep(Tensor x) => _kept.Push([x.alias().DetachFromDisposeScope()]);

    /// <summary>Takes back what was kept last, for the given scope.</summary>
    public Tensor Take(DisposeScope scope)
    {
        var kept = _kept.Pop()[0];
        scope.Attach(kept);
        return kept;
    }

    /// <summary>Runs a stretch that autograd is to differentiate.</summary>
    /// <returns>Its result, without a graph, owned by the caller's scope.</returns>
    public Tensor Record(Func<Tensor[], Tensor> stretch, params ReadOnlySpan<Tensor> inputs)
    {
        using var scope = NewDisposeScope();
        var kept = new Tensor[inputs.Length + 1];
        for (var i = 0; i < inputs.Length; i++) kept[i] = inputs[i].detach().requires_grad_();
        using (enable_grad()) kept[^1] = stretch(kept[..^1]);
        scope.Detach(kept);
        _kept.Push(kept);
        return kept[^1].detach().MoveToOuterDisposeScope();
    }

    /// <summary>Differentiates the stretch recorded last; parameters within it gather their own gradients.</summary>
    /// <returns>The gradient at each of its inputs, owned by the caller's scope.</returns>
    public Tensor[] Replay(Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var kept = _kept.Pop();
        scope.Attach(kept);
        kept[^1].backward([gradient]);
        return [.. kept[..^1].Select(input => input.grad!.MoveToOuterDisposeScope())];
    }

    public void Dispose()
    {
        while (_kept.TryPop(out var kept))
            foreach (var tensor in kept) tensor.Dispose();
    }
}
