using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model;

/// <summary>Rotary position tables, computed in double and kept in float32; grows with the longest position asked for.</summary>
/// <remarks>Not a module: its tensors must not become part of the checkpoint.</remarks>
internal sealed class Rotary(ModelConfig config, Device device) : IDisposable
{
    private readonly Lock _growing = new();
    private Tensor? _cos, _sin; // (positions, HeadDim), the angles of the first half repeated in the second

    /// <returns>cos and sin of (count, HeadDim) for positions <paramref name="from"/> onward, owned by the caller's scope.</returns>
    public (Tensor Cos, Tensor Sin) At(long from, long count)
    {
        lock (_growing)
        {
            if (_cos is null || _cos.shape[0] < from + count) Grow(from + count);
            return (_cos!.narrow(0, from, count), _sin!.narrow(0, from, count));
        }
    }

    /// <summary>Turns (x[i], x[i + E/2]) by the position's angle. x: (B, H, T, E); cos, sin: (T, E).</summary>
    public static Tensor Turn(Tensor x, Tensor cos, Tensor sin)
    {
        using var scope = NewDisposeScope();
        var half = x.shape[3] / 2;
        var quarterTurn = cat([-x.narrow(3, half, half), x.narrow(3, 0, half)], dim: 3);
        return (x * cos + quarterTurn * sin).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _cos?.Dispose();
        _sin?.Dispose();
    }

    private void Grow(long needed)
    {
        var positions = Math.Max(needed, Math.Min(config.ContextLength, 2 * needed));
        var half = config.HeadDim / 2;
        var (cos, sin) = (new float[positions * config.HeadDim], new float[positions * config.HeadDim]);
        for (var i = 0; i < half; i++)
        {
            // float32 like the reference: its frequencies are float32, and so is position × frequency.
            var frequency = (float)(1.0 / Math.Pow(config.RopeTheta, 2.0 * i / config.HeadDim));
            if (config.RopeScaling is { } scaling) frequency = (float)scaling.Apply(frequency);
            for (var p = 0L; p < positions; p++)
            {
                var (s, c) = MathF.SinCos(p * frequency);
                var at = p * config.HeadDim + i;
                (cos[at], cos[at + half], sin[at], sin[at + half]) = (c, c, s, s);
            }
        }
        Dispose();
        using var mode = no_grad();
        (_cos, _sin) = (Keep(cos), Keep(sin));

        Tensor Keep(float[] table) => tensor(table, [positions, config.HeadDim], float32, device).DetachFromDisposeScope();
    }
}
