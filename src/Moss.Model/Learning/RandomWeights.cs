using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>First values of a network that no file fills.</summary>
public static class RandomWeights
{
    /// <param name="seed">The same seed gives the same values.</param>
    /// <param name="embeddingDeviation">0.02 as in GPT-2, unless a small network has to learn fast.</param>
    public static void Fill(Transformer network, long seed, double embeddingDeviation = 0.02)
    {
        using var mode = no_grad();
        using var random = new Generator(unchecked((ulong)seed));
        var matrix = 1 / Math.Sqrt(network.Config.HiddenSize);       // keeps activations' size through a layer
        var residual = 1 / Math.Sqrt(2 * network.Config.LayerCount); // what adds to the residual stream starts smaller, as in GPT-2
        foreach (var (name, parameter) in network.named_parameters().OrderBy(p => p.name, StringComparer.Ordinal))
        {
            if (parameter.dim() < 2) continue; // norms start at one, biases at zero
            var adds = name.EndsWith("o_proj.weight", StringComparison.Ordinal) || name.EndsWith("down_proj.weight", StringComparison.Ordinal);
            var embeds = name.Contains("embed_", StringComparison.Ordinal);
            parameter.normal_(0, embeds ? embeddingDeviation : adds ? matrix * residual : matrix, generator: random);
        }
    }
}
