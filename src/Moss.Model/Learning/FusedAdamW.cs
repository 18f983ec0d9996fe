using Moss.Model.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>AdamW over all parameters in two native calls: matrices, which decay, and norms and biases, which do not.</summary>
public sealed class FusedAdamW : IDisposable
{
    public const double Beta1 = 0.9, Beta2 = 0.95, Epsilon = 1e-8; // as the published GPT and Llama runs

    private readonly List<(string Name, Parameter Value)> _parameters;
    private readonly List<Tensor> _first = [], _second = [], _steps = [];
    private readonly Tensor _learningRate;
    private readonly double _weightDecay;

    /// <summary>All of a network. An exemption from decay that matched nothing would be a mistake nobody sees, so it is refused.</summary>
    public FusedAdamW(Transformer model, double weightDecay)
        : this([.. model.named_parameters().Select(p => (p.name, p.parameter))], weightDecay)
    {
        if (_parameters.All(p => p.Value.dim() >= 2)) throw new InvalidOperationException("No parameter is exempt from weight decay; expected norms.");
    }

    public FusedAdamW(IEnumerable<(string Name, Parameter Value)> parameters, double weightDecay)
    {
        _parameters = [.. parameters.OrderBy(p => p.Name, StringComparer.Ordinal)];
        _weightDecay = weightDecay;
        using var scope = NewDisposeScope();
        foreach (var (_, value) in _parameters)
        {
            _first.Add(zeros_like(value).DetachFromDisposeScope());
            _second.Add(zeros_like(value).DetachFromDisposeScope());
            _steps.Add(zeros([], float32, device: value.device).DetachFromDisposeScope());
        }
        _learningRate = zeros([], float32, device: _parameters[0].Value.device).DetachFromDisposeScope();
    }

    /// <summary>Moments and step counts by name, for saving and resuming.</summary>
    public IEnumerable<(string Name, Tensor Value)> State => _parameters.SelectMany((p, i) => new[]
    {
        ($"{p.Name}.exp_avg", _first[i]), ($"{p.Name}.exp_avg_sq", _second[i]), ($"{p.Name}.step", _steps[i]),
    });

    public void ZeroGradients()
    {
        using var scope = NewDisposeScope();
        foreach (var (_, value) in _parameters) value.grad?.zero_();
    }

    /// <summary>Scales all gradients so that their joint norm is at most <paramref name="most"/>, without waiting for the device.</summary>
    /// <returns>0-d norm before scaling, owned by the caller's scope.</returns>
    public Tensor ClipGradients(double most)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var gradients = _parameters.Select(p => p.Value.grad).OfType<Tensor>().ToList();
        var norm = stack(gradients.Select(g => g.norm())).norm();
        var scale = (most / (norm + 1e-6)).clamp_max(1.0);
        foreach (var gradient in gradients) gradient.mul_(scale);
        return norm.MoveToOuterDisposeScope();
    }

    public void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        _learningRate.fill_(learningRate);
        Step(which: p => p.dim() >= 2, _weightDecay);
        Step(which: p => p.dim() < 2, 0);
    }

    public void Dispose()
    {
        foreach (var tensor in _first.Concat(_second).Concat(_steps).Append(_learningRate)) tensor.Dispose();
    }

    private void Step(Func<Tensor, bool> which, double weightDecay)
    {
        int[] group = [.. Enumerable.Range(0, _parameters.Count).Where(i => which(_parameters[i].Value))];
        foreach (var i in group) _steps[i].add_(1);
        Aten.FusedAdamW([.. group.Select(i => _parameters[i].Value)],
            [.. group.Select(i => _parameters[i].Value.grad ?? throw new InvalidOperationException($"{_parameters[i].Name} has no gradient."))],
            [.. group.Select(i => _first[i])], [.. group.Select(i => _second[i])], [.. group.Select(i => _steps[i])],
            _learningRate, Beta1, Beta2, weightDecay, Epsilon);
    }
}
