namespace Moss.Model.Learning;

/// <summary>Which example comes at which place of an endless shuffled sequence: a pure function of (seed, place).</summary>
/// <remarks>Each epoch is a Feistel permutation of its own, so no shuffled list and no generator state need saving.</remarks>
internal sealed class ExampleOrder(int count, long seed)
{
    private readonly int _halfBits = Math.Max(1, (int)Math.Ceiling(Math.Log2(Math.Max(2, count)) / 2));

    public int At(long place)
    {
        var (epoch, index) = (place / count, (ulong)(place % count));
        do index = Permute(index, epoch); while (index >= (ulong)count); // walk the cycle until inside; expected < 4 rounds
        return (int)index;
    }

    private ulong Permute(ulong x, long epoch)
    {
        var mask = (1UL << _halfBits) - 1;
        var (left, right) = (x >> _halfBits, x & mask);
        for (var round = 0UL; round < 6; round++)
            (left, right) = (right, left ^ (Mix(right + (round << 32) + unchecked((ulong)epoch * 0x9E3779B97F4A7C15UL)) & mask));
        return (left << _halfBits) | right;
    }

    private ulong Mix(ulong x)
    {
        x = unchecked((x ^ (ulong)seed) * 0xD1342543DE82EF95UL + 0x2545F4914F6CDD1DUL);
        x = unchecked((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9UL);
        x = unchecked((x ^ (x >> 27)) * 0x94D049BB133111EBUL);
        return x ^ (x >> 31);
    }
}
