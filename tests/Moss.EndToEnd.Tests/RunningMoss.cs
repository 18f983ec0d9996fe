using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.EndToEnd.Tests;

[assembly: AssemblyFixture(typeof(RunningMoss))]
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)] // one installation, two cores

namespace Moss.EndToEnd.Tests;

/// <summary>The product as a newcomer runs it - `up` with its own PostgreSQL, portal, serve and work - in a folder and on ports of its own.</summary>
public sealed partial class RunningMoss : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8); // the starter checkpoint is trained on the way

    private readonly ConcurrentQueue<string> _lines = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Process? _up;
    private string? _cluster;

    public string Home { get; } = HomeFolder();
    public string State { get; } = Path.Combine(Path.GetTempPath(), "moss-e2e-" + Guid.NewGuid().ToString("N")[..8]);
    public Uri Portal { get; } = new($"http://localhost:{FreePort()}");
    public Uri Serve { get; } = new($"http://127.0.0.1:{FreePort()}");
    public Uri Work { get; } = new($"http://127.0.0.1:{FreePort()}");

    /// <summary>The one-time link to make the first administrator, as `up` printed it.</summary>
    public Uri? FirstAdministratorLink { get; private set; }

    public string Printed => string.Join('\n', _lines);

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(State);
        await ReuseStarterAsync();
        _up = Start("up");
        var ended = _up.WaitForExitAsync();
        var first = await Task.WhenAny(_ready.Task, ended, Task.Delay(Patience, TestContext.Current.CancellationToken));
        if (first != _ready.Task) throw new InvalidOperationException($"`up` was not ready. It printed:\n{Printed}\n{Logs()}");
        _cluster = Path.GetDirectoryName(await WithAsync(db => db.Database.SqlQuery<string>(
            $"""SELECT current_setting('data_directory') AS "Value" """).SingleAsync(TestContext.Current.CancellationToken)));
    }

    public async ValueTask DisposeAsync()
    {
        if (_up is { HasExited: false })
        {
            Signal(_up.Id, "TERM");
            await _up.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(1));
        }
        _up?.Dispose();
        if (Environment.GetEnvironmentVariable("MOSS_KEEP") is not null) return;
        Directory.Delete(State, recursive: true);
        if (_cluster is not null && Directory.Exists(_cluster)) Directory.Delete(_cluster, recursive: true); // as root it lies outside the state
    }

    /// <summary>A context on the database of this installation.</summary>
    public MossDbContext OpenDatabase() => MossData.Open(ConnectionString());

    /// <summary>Asks the database, again while it is away.</summary>
    public async Task<T> WithAsync<T>(Func<MossDbContext, Task<T>> ask)
    {
        for (var tries = 600; ; tries--)
        {
            try
            {
                await using var db = OpenDatabase();
                return await ask(db);
            }
            catch (Exception e) when (tries > 0 && Db.IsUnreachable(e))
            {
                await Task.Delay(100, TestContext.Current.CancellationToken);
            }
        }
    }

    /// <summary>Runs a verb of the command line against this installation to its end.</summary>
    public async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var process = new Process { StartInfo = StartInfo(arguments) };
        process.StartInfo.Environment["MOSS_DB"] = ConnectionString();
        process.Start();
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    /// <summary>Process id of portal, serve, work or the postmaster, as the supervisor wrote it down.</summary>
    public int ProcessId(string program) => int.Parse(File.ReadLines(Path.Combine(State, "run", program + ".pid")).First(), CultureInfo.InvariantCulture);

    /// <summary>The ends of all log files, for the message of a failed test.</summary>
    public string Logs() => string.Join('\n', Directory.Exists(Path.Combine(State, "logs"))
        ? Directory.GetFiles(Path.Combine(State, "logs")).Select(f => $"--- {Path.GetFileName(f)}\n" + string.Join('\n', File.ReadLines(f).TakeLast(20)))
        : []);

    // Training the starter takes a minute: it is made once per clone and linked into each test's installation.
    private async Task ReuseStarterAsync()
    {
        var shared = Path.Combine(Home, ".moss", "checkpoints");
        using (var process = new Process { StartInfo = StartInfo("starter", "--no-database") })
        {
            process.StartInfo.Environment["MOSS_CHECKPOINTS"] = shared;
            process.Start();
            process.StandardInput.Close();
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            if (process.ExitCode != 0) throw new InvalidOperationException($"The starter checkpoint could not be made: {await output}{await error}");
        }
        foreach (var starter in Directory.GetDirectories(shared, "starter-*"))
        {
            var target = Directory.CreateDirectory(Path.Combine(State, "checkpoints", Path.GetFileName(starter)));
            foreach (var file in Directory.GetFiles(starter)) File.Copy(file, Path.Combine(target.FullName, Path.GetFileName(file)));
        }
    }

    private Process Start(params string[] arguments)
    {
        var process = new Process { StartInfo = StartInfo(arguments), EnableRaisingEvents = true };
        process.OutputDataReceived += (_, e) => Read(e.Data);
        process.ErrorDataReceived += (_, e) => Read(e.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private void Read(string? line)
    {
        if (line is null) return;
        _lines.Enqueue(line);
        if (Link().Match(line) is { Success: true } link) FirstAdministratorLink = new Uri(link.Value);
        if (line.StartsWith("Logs:", StringComparison.Ordinal)) _ready.TrySetResult();
    }

    private ProcessStartInfo StartInfo(params string[] arguments)
    {
        var trainer = Path.Combine(Home, "src/Moss.Trainer/bin", Configuration(), "net10.0/Moss.Trainer.dll");
        var start = new ProcessStartInfo("dotnet", [trainer, .. arguments])
        {
            WorkingDirectory = Home, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment.Remove("MOSS_DB");
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["MOSS_HOME"] = Home, ["MOSS_STATE"] = State, ["MOSS_CHECKPOINTS"] = Path.Combine(State, "checkpoints"),
            ["MOSS_PORTAL_URL"] = Address(Portal), ["MOSS_SERVE_URL"] = Address(Serve), ["MOSS_WORK_URL"] = Address(Work),
            // The short timings of the contract, so that the death of a worker is noticed within seconds.
            ["Work__LeaseSeconds"] = "3", ["Work__HeartbeatSeconds"] = "0.5", ["Work__PollSeconds"] = "0.2", ["Work__DispatchSeconds"] = "1",
            ["Work__InvisibilitySeconds"] = "5",
            ["Serve__LookSeconds"] = "1",
        }) start.Environment[name] = value;
        return start;
    }

    private string ConnectionString()
    {
        // The private cluster's own notes; the tests are told nothing that a person with the clone would not know.
        var (code, output) = RunVerb("postgres", "connection");
        return code == 0 ? output.Trim() : throw new InvalidOperationException($"No connection string: {output}");
    }

    private string? _connection;

    private (int Code, string Output) RunVerb(params string[] arguments)
    {
        if (_connection is not null) return (0, _connection);
        using var process = Process.Start(StartInfo(arguments))!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode == 0) _connection = output;
        return (process.ExitCode, output);
    }

    private static string Address(Uri uri) => uri.GetLeftPart(UriPartial.Authority);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string Configuration() => new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/')).Parent!.Name;

    private static string HomeFolder([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../.."));

    [GeneratedRegex(@"http://\S+/Account/FirstAdministrator\?token=\S+")]
    private static partial Regex Link();
}
