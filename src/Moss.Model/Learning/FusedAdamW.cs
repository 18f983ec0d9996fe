using Moss.Model.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>AdamW over all trained parameters in one pass over their memory: matrices, which decay, and norms and biases, which do not.</summary>
public sealed class FusedAdamW : IDisposable
{
    public const double Beta1 = 0.9, Beta2 = 0.95, Epsilon = 1e-8; // as the published GPT and Llama runs

    private readonly List<(string Name, Parameter Value)> _parameters;
    private readonly List<Tensor> _first = [], _second = [], _steps = [];
    private readonly Tensor _learningRate;
    private readonly double _weightDecay;
    private Tensor? _scale; // 0-d, what clipping leaves of the gradients

    /// <summary>Over everything in a network that is trained.</summary>
    public FusedAdamW(Transformer model, double weightDecay) : this(
        model.named_parameters().Where(p => p.parameter.requires_grad).Select(p => (p.name, p.parameter)), weightDecay)
    {
        // An exemption that matches nothing would be a mistake nobody sees.
        if (_parameters.All(p => p.Value.dim() >= 2)) throw new InvalidOperationException("No parameter is exempt from weight decay; expected norms.");
    }

    /// <summary>Over any parameters, of a network or of an adapter; those with two dimensions decay.</summary>
    /// <exception cref="ArgumentException">There is none, or one of them is not float32, where a learning rate of 1e-5 would change nothing.</exception>
    public FusedAdamW(IEnumerable<(string Name, Parameter Value)> parameters, double weightDecay)
    {
        _parameters = [.. parameters.OrderBy(p => p.Name, StringComparer.Ordinal)];
        if (_parameters.Count == 0) throw new ArgumentException("There is no parameter to train.", nameof(parameters));
        if (_parameters.FirstOrDefault(p => p.Value.dtype != ScalarType.Float32) is { Name: { } name, Value: var odd }) throw new ArgumentException(
            $"{name} is kept as {odd.dtype}, in which small steps round to nothing. Keep what is trained in Float32.", nameof(parameters));
        _weightDecay = weightDecay;
        using var scope = NewDisposeScope();
        using var mode = no_grad();
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

    /// <summary>Forgets all gradients: what comes first is stored rather than added.</summary>
    public void ZeroGradients()
    {
        foreach (var (_, value) in _parameters) value.grad = null;
        Unclip();
    }

    /// <summary>Lets the next <see cref="Step(double)"/> shorten all gradients so that their joint norm is at most <paramref name="most"/>. No wait for the device.</summary>
    /// <returns>0-d norm before that, owned by the caller's scope.</returns>
    public Tensor ClipGradients(double most)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var norm = stack(_parameters.Select(p => p.Value.grad).OfType<Tensor>().Select(g => g.norm())).norm();
        Unclip();
        _scale = (most / (norm + 1e-6)).clamp_max(1.0).DetachFromDisposeScope();
        return norm.MoveToOuterDisposeScope();
    }

    public void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var scale = _scale ?? ones([], float32, device: _learningRate.device);
        var gradients = _parameters.Select(p => p.Value.grad ?? throw new InvalidOperationException($"{p.Name} has no gradient.")).ToList();
        foreach (var steps in _steps) steps.add_(1);
        if (_learningRate.device_type == DeviceType.CPU) StepHere(gradients, learningRate, scale.item<float>());
        else StepThere(gradients, learningRate, scale);
        Unclip();
    }

    public void Dispose()
    {
        Unclip();
        foreach (var tensor in _first.Concat(_second).Concat(_steps).Append(_learningRate)) tensor.Dispose();
    }

    private void StepHere(List<Tensor> gradients, double learningRate, double scale)
    {
        for (var i = 0; i < _parameters.Count; i++)
            new AdamWUpdate(learningRate, Beta1, Beta2, Decay(i), Epsilon, scale, _steps[i].item<float>())
                .Apply(_parameters[i].Value, gradients[i].contiguous(), _first[i], _second[i]);
    }

    private void StepThere(List<Tensor> gradients, double learningRate, Tensor scale)
    {
        _learningRate.fill_(learningRate);
        foreach (var gradient in gradients) gradient.mul_(scale);
        foreach (var group in Enumerable.Range(0, _parameters.Count).GroupBy(Decay))
            Aten.FusedAdamW([.. group.Select(i => _parameters[i].Value)], [.. group.Select(i => gradients[i])],
                [.. group.Select(i => _first[i])], [.. group.Select(i => _second[i])], [.. group.Select(i => _steps[i])],
                _learningRate, Beta1, Beta2, weightDecay: group.Key, Epsilon);
    }

    private double Decay(int parameter) => _parameters[parameter].Value.dim() >= 2 ? _weightDecay : 0;

    private void Unclip()
    {
        _scale?.Dispose();
        _scale = null;
    }
}
