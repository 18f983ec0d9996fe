namespace Moss.Trainer.Serving.Admission;

/// <summary>So much a minute, evenly: a bucket that holds one minute's worth and fills steadily.</summary>
/// <param name="perMinute">0 sets no limit.</param>
internal sealed class Allowance(double perMinute, TimeProvider clock)
{
    private readonly Lock _gate = new();
    private double _spent; // of the minute's worth; the rest can be taken
    private long _at = clock.GetTimestamp();

    /// <summary>When this much can be taken; zero is now. More than a minute's worth can be taken when the bucket is full.</summary>
    public TimeSpan WaitFor(double amount)
    {
        if (perMinute == 0) return TimeSpan.Zero;
        lock (_gate)
        {
            Fill();
            var missing = Math.Min(amount, perMinute) + _spent - perMinute;
            return missing <= 0 ? TimeSpan.Zero : TimeSpan.FromMinutes(missing / perMinute);
        }
    }

    /// <summary>Takes it; what was taken too much is made up for before anybody takes more.</summary>
    public void Take(double amount) => Spend(amount);

    public void GiveBack(double amount) => Spend(-amount);

    private void Spend(double amount)
    {
        if (perMinute == 0) return;
        lock (_gate)
        {
            Fill();
            _spent = Math.Max(0, _spent + amount);
        }
    }

    private void Fill()
    {
        var now = clock.GetTimestamp();
        _spent = Math.Max(0, _spent - clock.GetElapsedTime(_at, now).TotalMinutes * perMinute);
        _at = now;
    }
}
