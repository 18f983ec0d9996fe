using System.Diagnostics;
using System.Globalization;
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

    /// <summary>A process that gets a few milliseconds in every sixth of a second: the small model's reply then takes as long as a large one's.</summary>
    public sealed class SlowMotion : IDisposable
    {
        private const string Script = "while kill -CONT $0 2>/dev/null; do sleep 0.004; kill -STOP $0 2>/dev/null; sleep 0.15; done";

        private readonly int _process;
        private readonly Process _loop;

        public SlowMotion(int process)
        {
            _process = process;
            _loop = Process.Start("bash", ["-c", Script, process.ToString(CultureInfo.InvariantCulture)]);
        }

        /// <summary>From slow to standing still.</summary>
        public void Freeze()
        {
            End();
            Signal(_process, "STOP");
        }

        public void Dispose()
        {
            End();
            Signal(_process, "CONT");
            _loop.Dispose();
        }

        private void End()
        {
            if (_loop.HasExited) return;
            _loop.Kill();
            _loop.WaitForExit();
        }
    }
}
