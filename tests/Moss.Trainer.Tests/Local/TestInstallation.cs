using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Moss.Trainer.Local;

namespace Moss.Trainer.Tests.Local;

/// <summary>An installation with a state folder of its own, whose `up` is a real process; everything of it is gone afterwards.</summary>
public sealed class TestInstallation : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly List<Process> _started = [];

    public TestInstallation()
    {
        var state = Path.Combine(Path.GetTempPath(), "moss-local-" + Guid.NewGuid().ToString("N")[..8]);
        Directory.CreateDirectory(state);
        Self = new Installation(Root(), state, Path.Combine(state, "checkpoints"),
            new Uri($"http://localhost:{ClusterFolder.FreePort()}"), new Uri("http://127.0.0.1:1"), new Uri("http://127.0.0.1:2"));
    }

    public Installation Self { get; }

    internal PostgresCluster Cluster => PostgresCluster.Private(Self, _ => { });

    /// <summary>Starts `up` with programs of ours and waits until it says that it is ready.</summary>
    internal Task<Process> UpAsync(params (string Name, string[] Command)[] children) => UpAsync([], children);

    /// <param name="by">The words before the command, such as setsid.</param>
    internal async Task<Process> UpAsync(string[] by, params (string Name, string[] Command)[] children)
    {
        var file = Path.Combine(Self.State, "children.json");
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(children.Select(c => new { name = c.Name, command = c.Command })));
        var up = Start([.. by, .. Trainer, "up", "--children", file]);
        var said = new List<string>();
        while (await up.StandardOutput.ReadLineAsync() is { } line)
        {
            said.Add(line);
            if (line == "Ready.")
            {
                _ = up.StandardOutput.ReadToEndAsync();
                return up;
            }
        }
        throw new InvalidOperationException("up ended: " + string.Join('\n', said) + await up.StandardError.ReadToEndAsync());
    }

    /// <summary>Runs a verb to its end.</summary>
    internal async Task<(int Code, string Said)> RunAsync(params string[] arguments)
    {
        var process = Start([.. Trainer, .. arguments]);
        var said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, said);
    }

    /// <summary>The process of a kept program, as its pid file says, once it is there.</summary>
    internal async Task<int> PidAsync(string name)
    {
        var file = Path.Combine(Self.RunFolder, name + ".pid");
        var pid = 0;
        await EventuallyAsync($"{file} names a process", () => File.Exists(file)
            && int.TryParse(File.ReadLines(file).FirstOrDefault(), CultureInfo.InvariantCulture, out pid) && LiveProcess.CommandLine(pid) is not null);
        return pid;
    }

    internal static async Task EventuallyAsync(string what, Func<bool> holds)
    {
        var waiting = new Waiting(_ => { }, TimeProvider.System);
        Assert.True(await waiting.UntilAsync(what, Patience, _ => Task.FromResult(holds()), CancellationToken.None), $"Waited {Patience} in vain: {what}");
    }

    internal static Task KillAsync(int id) => LiveProcess.SignalAsync(id, "KILL", CancellationToken.None);

    public static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../.."));

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _started)
        {
            if (!process.HasExited) process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }
        await Cluster.LeaveAsync(CancellationToken.None);
        Directory.Delete(Self.State, recursive: true);
        var outside = Path.GetDirectoryName(Self.ClusterFolder)!;
        if (outside.StartsWith("/var/lib/moss/", StringComparison.Ordinal) && Directory.Exists(outside)) Directory.Delete(outside, recursive: true);
    }

    private static string[] Trainer => ["dotnet", Path.Combine(AppContext.BaseDirectory, "Moss.Trainer.dll")];

    private Process Start(string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Self.Variables()) start.Environment[name] = value;
        start.Environment.Remove(Installation.DatabaseVariable);
        var process = Process.Start(start)!;
        _started.Add(process);
        return process;
    }
}
