using Moss.Model.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Moss.Model;

/// <summary>A weight matrix (out, in) as products see it: read in the compute type, taught in float32.</summary>
internal sealed class Matrix(Parameter weight) : IDisposable
{
    private const long BlockNumbers = 1 << 22; // 8 MB of half-precision gradient stay in a core's cache until they are added up
    private Tensor? _copy, _sum;

    /// <param name="tape">Null outside learning; with it the copy's memory is kept for the next pass.</param>
    /// <returns>The weight in this number format, as it is now.</returns>
    public Tensor In(ScalarType type, Tape? tape)
    {
        if (weight.dtype == type) return weight;
        if (tape is null) return weight.to_type(type);
        if (_copy is null || _copy.dtype != type)
        {
            _copy?.Dispose();
            _copy = empty(weight.shape, type, weight.device).DetachFromDisposeScope();
        }
        return _copy.copy_(weight.detach());
    }

    /// <summary>The same on the way back, where the weight is still what it was on the way there.</summary>
    public Tensor Again(ScalarType type) => weight.dtype == type ? weight.detach() : _copy!;

    /// <summary>Adds yᵀ·x to the gradient if this weight is trained.</summary>
    /// <param name="y">(N, out) gradient at the product.</param>
    /// <param name="x">(N, in) what was multiplied.</param>
    public void Teach(Tensor y, Tensor x, Tape tape)
    {
        if (!weight.requires_grad) return;
        using var scope = NewDisposeScope();
        var first = weight.grad is null; // then there is nothing to add to, and nothing was set to zero in vain
        var sum = weight.grad ??= Memory();
        var step = Math.Max(1, BlockNumbers / weight.shape[1]);
        for (long start = 0; start < weight.shape[0]; start += step)
        {
            using var block = NewDisposeScope();
            var rows = Math.Min(step, weight.shape[0] - start);
            var (part, place) = (y.narrow(1, start, rows).t(), sum.narrow(0, start, rows));
            if (x.dtype == sum.dtype)
            {
                place.addmm_(part, x, beta: first ? 0 : 1);
                continue;
            }
            var product = tape.Scratch.Take(rows, weight.shape[1], x.dtype, x.device).addmm_(part, x, beta: 0);
            if (first) place.copy_(product);
            else Numbers.Add(place, product);
        }
    }

    /// <summary>Adds to single rows of the gradient, if this weight is trained.</summary>
    /// <param name="rows">(N) int64, any of them several times.</param>
    /// <param name="gradients">(N, in).</param>
    public void TeachRows(Tensor rows, Tensor gradients)
    {
        if (!weight.requires_grad) return;
        using var scope = NewDisposeScope();
        (weight.grad ??= Memory().zero_()).index_add_(0, rows, gradients.to_type(weight.dtype), 1);
    }

    /// <summary>Adds to the gradient of a small parameter.</summary>
    public static void Teach(Parameter parameter, Tensor gradient)
    {
        if (parameter.grad is { } sum) sum.add_(gradient);
        else parameter.grad = gradient;
    }

    public void Dispose()
    {
        _copy?.Dispose();
        _sum?.Dispose();
    }

    /// <summary>The gradient's memory, with whatever it held before.</summary>
    private Tensor Memory() => _sum ??= empty(weight.shape, weight.dtype, weight.device).DetachFromDisposeScope();
}
