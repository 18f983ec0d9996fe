using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>Dropout whose draw is a pure function of numbers, so that a resumed run, and a block computed twice, drop the same.</summary>
/// <param name="share">Probability of dropping, above 0 and below 1.</param>
/// <param name="key">Run, step, batch and layer.</param>
internal sealed class DropoutMask(double share, long[] key)
{
    public Tensor Apply(Tensor x)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(Mixed(), CPU);
        Tensor kept;
        using (no_grad()) kept = rand(x.shape, float32, CPU, generator: random).ge(share).to(x.dtype, x.device).div_(1 - share);
        return (x * kept).MoveToOuterDisposeScope();
    }

    // SplitMix64 over the key. Steele et al. 2014.
    private ulong Mixed()
    {
        var z = 0UL;
        foreach (var part in key)
        {
            z = unchecked((z ^ (ulong)part) * 0xD1342543DE82EF95UL + 0x9E3779B97F4A7C15UL);
            z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL);
            z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EBUL);
            z ^= z >> 31;
        }
        return z;
    }
}
