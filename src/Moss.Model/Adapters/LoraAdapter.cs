using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Moss.Model.Adapters;

/// <summary>Low-rank changes of many layers of one network, kept apart from its weights. Hu et al. 2021, arXiv:2106.09685.</summary>
/// <remarks>Changes nothing until <see cref="Attach"/>; several adapters can belong to one network, of which one at a time is attached.</remarks>
public sealed class LoraAdapter : IDisposable
{
    private readonly SortedDictionary<string, LowRank> _layers; // by the network's own module path

    internal LoraAdapter(LoraSettings settings, IEnumerable<(string Path, LowRank Change)> layers)
    {
        Settings = settings;
        _layers = new(layers.ToDictionary(l => l.Path, l => l.Change), StringComparer.Ordinal);
    }

    public LoraSettings Settings { get; }

    internal IReadOnlyDictionary<string, LowRank> Layers => _layers;

    /// <summary>What is trained: two matrices per layer, by PEFT's names without its prefix.</summary>
    public IEnumerable<(string Name, Parameter Value)> Parameters => _layers.SelectMany(l => new[]
    {
        ($"{l.Key}.lora_A.weight", l.Value.A), ($"{l.Key}.lora_B.weight", l.Value.B),
    });

    public long ParameterCount => Parameters.Sum(p => p.Value.NumberOfElements);

    /// <summary>A new adapter that changes nothing yet: A is random, B zero, so the first step starts from the base bit for bit.</summary>
    public static LoraAdapter Create(Transformer model, LoraSettings settings, long seed)
    {
        settings.Checked();
        using var mode = no_grad();
        using var random = new Generator(unchecked((ulong)seed));
        var layers = LinearLayers(model).Where(l => settings.Targets.Contains(l.Path[(l.Path.LastIndexOf('.') + 1)..])).ToList();
        if (layers.Count == 0) throw new ArgumentException(
            $"None of the layers {string.Join(", ", settings.Targets)} is in a {model.Config.Family} network; it has {string.Join(", ", Names(model))}.", nameof(settings));
        return new(settings, [.. layers.Select(l =>
        {
            var (output, input) = (l.Layer.Weight.shape[0], l.Layer.Weight.shape[1]);
            // Kaiming's bound for a = √5, which PEFT uses: 1 / √in. Drawn on the CPU so that every device starts alike.
            using var drawn = empty([settings.Rank, input], float32).uniform_(-1 / Math.Sqrt(input), 1 / Math.Sqrt(input), generator: random);
            return (l.Path, new LowRank(Keep(drawn, model.Device), Keep(zeros([output, settings.Rank], float32), model.Device), settings.Scale));
        })]);
    }

    /// <summary>From now on the network computes with this adapter; another one that was attached no longer is.</summary>
    public void Attach(Transformer model)
    {
        foreach (var (path, layer) in LinearLayers(model)) layer.Adapter = _layers.GetValueOrDefault(path);
    }

    /// <summary>The network computes as if there had never been an adapter.</summary>
    public static void Detach(Transformer model)
    {
        foreach (var (_, layer) in LinearLayers(model)) layer.Adapter = null;
    }

    /// <summary>Adds the change to the network's own weights: in float32, rounded once to the weights' number format.</summary>
    public void MergeInto(Transformer model)
    {
        using var mode = no_grad();
        foreach (var (path, layer) in LinearLayers(model))
        {
            if (!_layers.TryGetValue(path, out var change)) continue;
            using var scope = NewDisposeScope();
            layer.Weight.copy_(layer.Weight.to_type(ScalarType.Float32) + change.B.mm(change.A) * change.Scale);
        }
    }

    /// <summary>A copy of the numbers as a parameter that lives as long as the adapter does.</summary>
    internal static Parameter Keep(Tensor values, Device device)
    {
        using var scope = NewDisposeScope();
        return scope.Detach(new Parameter(values.detach().to(float32, device, copy: true)));
    }

    /// <summary>Every matrix inside the layers; the output head is not one of them.</summary>
    internal static IEnumerable<(string Path, Linear Layer)> LinearLayers(Transformer model) =>
        from module in model.named_modules()
        where module.module is Linear && module.name.Contains(".layers.", StringComparison.Ordinal)
        orderby module.name
        select (module.name, (Linear)module.module);

    private static IEnumerable<string> Names(Transformer model) => LinearLayers(model).Select(l => l.Path[(l.Path.LastIndexOf('.') + 1)..]).Distinct();

    public void Dispose()
    {
        foreach (var layer in _layers.Values) layer.Dispose();
    }
}
