using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Moss.Model;

/// <summary>Networks whose parameters are shapes only, so that building one costs neither memory nor random numbers.</summary>
internal static class Weightless
{
    /// <summary>As torch.nn.Embedding, whose own constructor takes memory and random numbers even for a device that has neither.</summary>
    public static Embedding Embedding(long count, long size, Device device)
    {
        var embedding = nn.Embedding(1, 1);
        embedding.weight = new Parameter(randn([count, size], float32, device));
        return embedding;
    }

    public static bool HasNoWeights(this Transformer network) => network.parameters().Any(p => p.device_type == DeviceType.META);

    /// <summary>Gives every parameter memory of its shape. What is in it is undefined until the loader has filled it.</summary>
    public static void Allocate(this Transformer network, ScalarType type = ScalarType.Float32)
    {
        using var mode = no_grad();
        foreach (var module in network.modules())
            switch (module)
            {
                case Linear linear:
                    linear.weight = Memory(linear.weight!);
                    if (linear.bias is not null) linear.bias = Memory(linear.bias);
                    break;
                case Embedding embedding:
                    embedding.weight = Memory(embedding.weight!);
                    break;
                case LayerNorm norm:
                    norm.weight = Memory(norm.weight!);
                    if (norm.bias is not null) norm.bias = Memory(norm.bias);
                    break;
                case RmsNorm norm:
                    norm.Weight = Memory(norm.get_parameter("weight")!);
                    break;
            }
        if (network.named_parameters().FirstOrDefault(p => p.parameter.device_type == DeviceType.META) is { name: { } forgotten })
            throw new NotSupportedException($"{forgotten} got no memory: its kind of module is missing in {nameof(Weightless)}.");

        Parameter Memory(Parameter shape)
        {
            // Each module's tensors must outlive whatever dispose scope the caller happens to be in.
            var memory = new Parameter(empty(shape.shape, type, network.Device));
            return (Parameter)memory.DetachFromDisposeScope();
        }
    }
}
