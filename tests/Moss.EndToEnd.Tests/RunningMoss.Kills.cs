using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.EntityFrameworkCore;

namespace Moss.EndToEnd.Tests;

/// <summary>What goes wrong on purpose: processes that are killed, held, or slowed down.</summary>
public sealed partial class RunningMoss
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };

    /// <summary>kill -9 of serve, work or the portal; returns the process that is no more.</summary>
    public int Kill(string program)
    {
        var process = ProcessId(program);
        Signal(process, "KILL");
        return process;
    }

    /// <summary>Waits until the supervisor has put another process in the killed one's place, and it answers.</summary>
    public Task BackAsync(string program, int killed)
    {
        var health = program switch { "portal" => new Uri(Portal, "/healthz"), "serve" => new Uri(Serve, "/readyz"), _ => new Uri(Work, "/healthz") };
        return Eventually.HoldsAsync($"{program} is back", async () => await AnswersAsync(health) && ProcessId(program) != killed, Logs);
    }

    /// <summary>kill -9 of PostgreSQL's first process; the others end with it.</summary>
    public async Task KillPostgresAsync()
    {
        var lines = await WithAsync(db => db.Database.SqlQuery<string>($"""SELECT pg_read_file('postmaster.pid') AS "Value" """).SingleAsync(Test));
        Signal(int.Parse(lines.Split('\n')[0], CultureInfo.InvariantCulture), "KILL");
    }

    /// <summary>Keeps the supervisor from starting anything again, until it is disposed.</summary>
    public Held HoldSupervisor() => new(_up!.Id);

    /// <summary>Keeps a process where it is, until it is disposed.</summary>
    public Held Hold(string program) => new(ProcessId(program));

    /// <summary>Sends KILL, TERM, STOP or CONT; a process that is no more does not mind.</summary>
    public static void Signal(int processId, string signal)
    {
        var mac = OperatingSystem.IsMacOS();
        _ = SendSignal(processId, signal switch
        {
            "KILL" => 9,
            "TERM" => 15,
            "STOP" => mac ? 17 : 19,
            "CONT" => mac ? 19 : 18,
            _ => throw new ArgumentException($"Which signal is '{signal}'?", nameof(signal)),
        });
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int processId, int signal);

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static async Task<bool> AnswersAsync(Uri health)
    {
        try
        {
            using var answer = await Http.GetAsync(health, Test);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !Test.IsCancellationRequested))
        {
            return false; // not listening yet
        }
    }

    /// <summary>A process that stands still.</summary>
    public sealed class Held : IDisposable
    {
        private readonly int _process;

        public Held(int process) => Signal(_process = process, "STOP");

        public void Dispose() => Signal(_process, "CONT");
    }
}
