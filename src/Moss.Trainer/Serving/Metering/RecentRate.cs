namespace Moss.Trainer.Serving.Metering;

/// <summary>How many a second, over the last ten whole seconds.</summary>
internal sealed class RecentRate(TimeProvider clock)
{
    private const int Seconds = 10;

    private readonly Lock _gate = new();
    private readonly long[] _counts = new long[Seconds + 1]; // the second that runs, and those before it
    private readonly long _started = clock.GetTimestamp();
    private long _second;

    public void Add(long count)
    {
        lock (_gate)
        {
            Forget();
            _counts[_second % _counts.Length] += count;
        }
    }

    public double PerSecond
    {
        get
        {
            lock (_gate)
            {
                Forget();
                return (_counts.Sum() - _counts[_second % _counts.Length]) / (double)Seconds;
            }
        }
    }

    private void Forget()
    {
        var now = (long)clock.GetElapsedTime(_started).TotalSeconds;
        for (var passed = Math.Min(now - _second, _counts.Length); passed > 0; passed--) _counts[(now - passed + 1) % _counts.Length] = 0;
        _second = now;
    }
}
