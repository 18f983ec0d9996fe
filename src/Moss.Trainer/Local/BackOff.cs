namespace Moss.Trainer.Local;

/// <summary>How long to wait before starting something again: half a second, doubling to thirty, from the start after a minute of health.</summary>
internal sealed class BackOff(TimeProvider clock)
{
    public static readonly TimeSpan First = TimeSpan.FromSeconds(0.5), Longest = TimeSpan.FromSeconds(30), Healthy = TimeSpan.FromSeconds(60);

    private TimeSpan _next = First;
    private long _started = clock.GetTimestamp();

    public void Started() => _started = clock.GetTimestamp();

    /// <summary>The pause before the next start, counted from the last one.</summary>
    public TimeSpan Next()
    {
        if (clock.GetElapsedTime(_started) >= Healthy) _next = First;
        var pause = _next;
        _next = _next * 2 > Longest ? Longest : _next * 2;
        return pause;
    }
}
