namespace Moss.Model.Inference;

/// <summary>cos and sin of every position and pair in native memory, as far as any sequence has come. The numbers are <see cref="Rotary"/>'s.</summary>
internal sealed unsafe class RotaryAngles(ModelConfig config) : IDisposable
{
    private readonly int _half = config.RotaryDim / 2;
    private NativeArray<float> _cos = new(0), _sin = new(0);
    private long _positions;

    /// <summary>Not while a step runs.</summary>
    public void Reach(long positions)
    {
        if (positions <= _positions || _half == 0) return;
        var most = Math.Max(positions, Math.Min(config.ContextLength, 2 * positions));
        var (cos, sin) = (new NativeArray<float>(most * _half), new NativeArray<float>(most * _half));
        for (var i = 0; i < _half; i++)
        {
            var frequency = Rotary.Frequency(config, i);
            for (var p = 0L; p < most; p++) (sin.Start[p * _half + i], cos.Start[p * _half + i]) = MathF.SinCos(p * frequency);
        }
        Dispose();
        (_cos, _sin, _positions) = (cos, sin, most);
    }

    public float* Cos(long position) => _cos.Start + position * _half;

    public float* Sin(long position) => _sin.Start + position * _half;

    public void Dispose()
    {
        _cos.Dispose();
        _sin.Dispose();
    }
}
