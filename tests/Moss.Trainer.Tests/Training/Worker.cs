using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Moss.Trainer.Dispatch;
using Moss.Trainer.Local;
using Moss.Trainer.Tests.Setup;
using Moss.Trainer.Training;

namespace Moss.Trainer.Tests.Training;

/// <summary>A worker's job without Hangfire around it, with real children, and a log that can be counted.</summary>
internal sealed class Worker(Scene scene) : ILogger<TrainingJob>
{
    public static readonly WorkSettings Settings = new() { LeaseSeconds = 3, HeartbeatSeconds = 0.5 };

    private readonly ConcurrentQueue<string> _said = new();

    /// <summary>How often a training child was started.</summary>
    public int Starts => _said.Count(line => line.Contains("training from step", StringComparison.Ordinal));

    public string Said => string.Join('\n', _said);

    public Task RunAsync(Guid run, CancellationToken shutdown = default)
    {
        var installation = Installation.FromEnvironment() with { State = scene.State, Checkpoints = scene.Checkpoints };
        return new TrainingJob(scene, Options.Create(Settings), installation, this).RunAsync(run, shutdown);
    }

    /// <summary>Waits until the run's child has written its process id.</summary>
    public async Task<Process> ChildAsync(Guid run, Task job)
    {
        var file = new RunFolder(scene.State, run).PidFile;
        while (true)
        {
            if (File.Exists(file) && int.TryParse(await File.ReadAllTextAsync(file), CultureInfo.InvariantCulture, out var id)
                && LiveProcess.CommandLine(id) is not null) return Process.GetProcessById(id);
            Assert.False(job.IsCompleted, $"The job ended without a child: {Said}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _said.Enqueue(formatter(state, exception));
}
