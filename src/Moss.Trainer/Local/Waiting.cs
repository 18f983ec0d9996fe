using System.Globalization;

namespace Moss.Trainer.Local;

/// <summary>Waits that say what they wait for: after two seconds, then every five.</summary>
internal sealed class Waiting(Action<string> say, TimeProvider clock)
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(2), Again = TimeSpan.FromSeconds(5), Look = TimeSpan.FromMilliseconds(100);

    public Action<string> Say => say;
    public TimeProvider Clock => clock;

    /// <summary>Awaits work that tells nothing by itself.</summary>
    public async Task<T> ForAsync<T>(string what, Task<T> work)
    {
        var started = clock.GetTimestamp();
        var next = First;
        while (await Task.WhenAny(work, Task.Delay(Look, clock)) != work)
            next = Tell(what, started, next);
        return await work;
    }

    /// <summary>Looks until the condition holds; false when the time was over first.</summary>
    public async Task<bool> UntilAsync(
        string what, TimeSpan atMost, Func<CancellationToken, Task<bool>> holds, CancellationToken cancellation)
    {
        var started = clock.GetTimestamp();
        for (var next = First; !await holds(cancellation); next = Tell(what, started, next))
        {
            if (clock.GetElapsedTime(started) > atMost) return false;
            await Task.Delay(Look, clock, cancellation);
        }
        return true;
    }

    private TimeSpan Tell(string what, long started, TimeSpan next)
    {
        var waited = clock.GetElapsedTime(started);
        if (waited < next) return next;
        say(string.Create(CultureInfo.InvariantCulture, $"  … {what}, {waited.TotalSeconds:F0} s"));
        return waited + Again;
    }
}
