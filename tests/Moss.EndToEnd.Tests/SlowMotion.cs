using System.Globalization;

namespace Moss.EndToEnd.Tests;

/// <summary>A process that gets a fraction of a millisecond ten times a second: the small model's reply then takes as long as a large one's.</summary>
internal sealed class SlowMotion : IAsyncDisposable
{
    private const double Least = 100_000; // nanoseconds that it should really have run in a slice, as the kernel counts
    private static readonly TimeSpan
        Shortest = TimeSpan.FromMicroseconds(300), Longest = TimeSpan.FromSeconds(1), WorthSleeping = TimeSpan.FromMilliseconds(20), Pause = TimeSpan.FromMilliseconds(100);

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
        RunningMoss.Signal(_process, "STOP");
        for (var slice = Shortest; !_over.IsCancellationRequested;)
        {
            var (before, started) = (ProcessorTime(), TimeProvider.System.GetTimestamp());
            RunningMoss.Signal(_process, "CONT");
            if (slice >= WorthSleeping) await Task.Delay(slice);
            else while (TimeProvider.System.GetElapsedTime(started) < slice) Thread.SpinWait(20);
            RunningMoss.Signal(_process, "STOP");
            // On a busy machine a short slice may pass before it gets a core.
            slice = ProcessorTime() - before >= Least ? Shortest : slice * 2 < Longest ? slice * 2 : Longest;
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
