using System.Globalization;

namespace Moss.EndToEnd.Tests;

/// <summary>A process that gets a millisecond or two of processor time three times a second: the small model's reply then takes as long as a large one's.</summary>
internal sealed class SlowMotion : IAsyncDisposable
{
    private const double Slice = 1_000_000; // nanoseconds, as the kernel counts what it really got, however busy the machine
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(1), LongestSlice = TimeSpan.FromSeconds(1), Pause = TimeSpan.FromMilliseconds(330);

    private readonly CancellationTokenSource _over = new();
    private readonly int _process;
    private readonly Task _loop;

    public SlowMotion(int process)
    {
        _process = process;
        _loop = Task.Run(RunAsync);
    }

    /// <summary>From slow to standing still.</summary>
    public async Task FreezeAsync()
    {
        await EndAsync();
        RunningMoss.Signal(_process, "STOP");
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        RunningMoss.Signal(_process, "CONT");
    }

    private async Task EndAsync()
    {
        await _over.CancelAsync();
        await _loop;
    }

    private async Task RunAsync()
    {
        while (!_over.IsCancellationRequested)
        {
            var (until, started) = (ProcessorTime() + Slice, TimeProvider.System.GetTimestamp());
            RunningMoss.Signal(_process, "CONT");
            while (ProcessorTime() < until && TimeProvider.System.GetElapsedTime(started) < LongestSlice) await Task.Delay(Glance);
            RunningMoss.Signal(_process, "STOP");
            await Task.WhenAny(Task.Delay(Pause, _over.Token));
        }
    }

    /// <summary>Nanoseconds that all threads of the process have run.</summary>
    private double ProcessorTime()
    {
        try
        {
            return Directory.EnumerateDirectories($"/proc/{_process}/task")
                .Sum(thread => double.Parse(File.ReadAllText(Path.Combine(thread, "schedstat")).Split(' ')[0], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return double.MaxValue; // it, or one of its threads, ended in this moment
        }
    }
}
