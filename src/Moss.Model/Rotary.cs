using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model;

/// <summary>Rotary position tables, kept in float32; they grow with the longest position asked for. Su et al. 2021, arXiv:2104.09864.</summary>
/// <remarks>Not a module: its tensors must not become part of the checkpoint.</remarks>
internal sealed class Rotary(ModelConfig config, Device device) : IDisposable
{
    private readonly Lock _growing = new();
    private Tensor? _cos, _sin; // (positions, R): one column per turned dimension

    /// <param name="positions">(N) int64.</param>
    /// <param name="longest">One more than the highest of them.</param>
    /// <returns>cos and sin of (N, 1, R), owned by the caller's scope.</returns>
    public (Tensor Cos, Tensor Sin) At(Tensor positions, long longest)
    {
        lock (_growing)
        {
            if (_cos is null || _cos.shape[0] < longest) Grow(longest);
            return (_cos!.index_select(0, positions).unsqueeze(1), _sin!.index_select(0, positions).unsqueeze(1));
        }
    }

    /// <summary>Turns pairs of the first R dimensions of each head by the position's angle; the rest passes through.</summary>
    /// <param name="x">(N, H, E).</param>
    /// <param name="cos">(N, 1, R).</param>
    /// <param name="sin">(N, 1, R).</param>
    /// <param name="interleaved">Pairs are (0, 1), (2, 3) … (GPT-J, MOSS); otherwise (0, R/2), (1, R/2 + 1) … (Llama).</param>
    /// <returns>(N, H, E) in x's number format.</returns>
    public static Tensor Turn(Tensor x, Tensor cos, Tensor sin, bool interleaved)
    {
        using var scope = NewDisposeScope();
        var (all, turned) = (x.shape[2], cos.shape[2]);
        var part = turned == all ? x : x.narrow(2, 0, turned);
        var (first, second) = Pairs(part, interleaved);
        var quarterTurn = interleaved ? stack([-second, first], dim: 3).flatten(2) : cat([-second, first], dim: 2);
        var result = (part * cos + quarterTurn * sin).to_type(x.dtype);
        return (turned == all ? result : cat([result, x.narrow(2, turned, all - turned)], dim: 2)).MoveToOuterDisposeScope();
    }

    /// <summary>Radians per position of one pair. float32 like the reference: its frequencies are, and so is position × frequency.</summary>
    public static float Frequency(ModelConfig config, int pair)
    {
        var frequency = (float)(1.0 / Math.Pow(config.RopeTheta, 2.0 * pair / config.RotaryDim));
        return config.RopeScaling is { } scaling ? (float)scaling.Apply(frequency) : frequency;
    }

    private static (Tensor First, Tensor Second) Pairs(Tensor x, bool interleaved)
    {
        var half = x.shape[2] / 2;
        if (!interleaved) return (x.narrow(2, 0, half), x.narrow(2, half, half));
        var pairs = x.reshape(x.shape[0], x.shape[1], half, 2);
        return (pairs.select(3, 0), pairs.select(3, 1));
    }

    public void Dispose()
    {
        _cos?.Dispose();
        _sin?.Dispose();
    }

    private void Grow(long needed)
    {
        var positions = Math.Max(needed, Math.Min(config.ContextLength, 2 * needed));
        var (width, half) = (config.RotaryDim, config.RotaryDim / 2);
        var (cos, sin) = (new float[positions * width], new float[positions * width]);
        for (var i = 0; i < half; i++)
        {
            var frequency = Frequency(config, i);
            var (one, other) = config.InterleavedRotation ? (2 * i, 2 * i + 1) : (i, i + half);
            for (var p = 0L; p < positions; p++)
            {
                var (s, c) = MathF.SinCos(p * frequency);
                var at = p * width;
                (cos[at + one], cos[at + other], sin[at + one], sin[at + other]) = (c, c, s, s);
            }
        }
        Dispose();
        using var mode = no_grad();
        (_cos, _sin) = (Keep(cos), Keep(sin));

        Tensor Keep(float[] table) => tensor(table, [positions, width], float32, device).DetachFromDisposeScope();
    }
}
