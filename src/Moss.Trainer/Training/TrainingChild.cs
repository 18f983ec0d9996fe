using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Moss.Trainer.Training;

/// <summary>The process that trains one run: a native crash or lack of memory kills it, and nothing else. It ends when its input closes.</summary>
internal sealed class TrainingChild : IDisposable
{
    private const int LastWords = 20; // lines
    private const int SignalBase = 128; // a process killed by signal n exits with 128 + n

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _errors = new();

    private TrainingChild(Process process, Action<ChildReport> report)
    {
        _process = process;
        Ended = ReadAsync(report);
    }

    /// <summary>The exit code, once everything it wrote was read.</summary>
    public Task<int> Ended { get; }

    /// <summary>The sentence with which it gave up, or null.</summary>
    public string? Failure { get; private set; }

    /// <summary>The end of its standard error.</summary>
    public string Errors => string.Join('\n', _errors);

    public static TrainingChild Start(Guid run, int attempt, IReadOnlyDictionary<string, string> variables, Action<ChildReport> report)
    {
        var start = new ProcessStartInfo("dotnet",
            [typeof(TrainingChild).Assembly.Location, "train", "--run", run.ToString(), "--attempt", attempt.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in variables) start.Environment[name] = value;
        start.Environment["MALLOC_MMAP_THRESHOLD_"] = "1000000"; // glibc keeps freed blocks of this size otherwise: 1.7 GB grew to 5.0 GB
        return new TrainingChild(Process.Start(start)!, report);
    }

    /// <summary>True when the exit code says that a signal ended the process, not the process itself.</summary>
    public static bool WasKilled(int exitCode) => exitCode > SignalBase || exitCode < 0;

    /// <summary>By SIGKILL, as the kernel does when memory runs out.</summary>
    public static bool WasKilledOutright(int exitCode) => exitCode == SignalBase + 9;

    /// <summary>Asks it to save its state and stop, then kills it.</summary>
    public async Task StopAsync(TimeSpan grace)
    {
        try
        {
            await _process.StandardInput.WriteLineAsync("stop");
            await _process.StandardInput.FlushAsync();
        }
        catch (IOException)
        {
            // it has ended meanwhile
        }
        if (await Task.WhenAny(Ended, Task.Delay(grace)) != Ended) Kill();
        await Ended;
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }

    private void Kill()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
    }

    private async Task<int> ReadAsync(Action<ChildReport> report)
    {
        var errors = ReadErrorsAsync();
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (ChildReport.Parse(line) is not { } said) continue;
            Failure = said.Failed ?? Failure;
            report(said);
        }
        await errors;
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            _errors.Enqueue(line);
            if (_errors.Count > LastWords) _errors.TryDequeue(out _);
        }
    }
}
