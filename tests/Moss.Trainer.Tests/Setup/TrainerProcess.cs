using System.Diagnostics;
using System.Text;
using Moss.Trainer.Dispatch;

namespace Moss.Trainer.Tests.Setup;

/// <summary>A real `work` (or another verb) as its own process, with the short timings of tests.</summary>
internal sealed class TrainerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();

    private TrainerProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Output
    {
        get { lock (_output) return _output.ToString(); }
    }

    public int Id => _process.Id;

    public static TrainerProcess Work(Scene scene, Uri? serve = null) => Start(scene, ["work"], serve);

    public static TrainerProcess Start(Scene scene, IEnumerable<string> arguments, Uri? serve = null, string? database = null)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(WorkSettings).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Variables(scene, serve)) start.Environment[name] = value;
        if (database is not null) start.Environment["MOSS_DB"] = database;
        return new TrainerProcess(Process.Start(start)!);
    }

    public static Dictionary<string, string> Variables(Scene scene, Uri? serve = null) => new()
    {
        ["MOSS_DB"] = scene.ConnectionString,
        ["MOSS_STATE"] = scene.State,
        ["MOSS_CHECKPOINTS"] = scene.Checkpoints,
        ["MOSS_WORK_URL"] = "http://127.0.0.1:0",
        ["MOSS_SERVE_URL"] = serve?.GetLeftPart(UriPartial.Authority) ?? "http://127.0.0.1:9",
        ["Work__LeaseSeconds"] = "3", ["Work__HeartbeatSeconds"] = "0.5", ["Work__PollSeconds"] = "0.2", ["Work__DispatchSeconds"] = "1",
        ["Work__InvisibilitySeconds"] = "5",
    };

    /// <summary>Runs a verb to its end; its exit code, what it printed, and the objects among that.</summary>
    public static async Task<(int Code, string Output, List<System.Text.Json.JsonElement> Json)> RunAsync(Scene scene, Uri? serve, params string[] arguments)
    {
        await using var process = Start(scene, arguments, serve);
        var code = await process.EndAsync();
        process._process.WaitForExit(); // until its output is read to the end
        return (code, process.Output, [.. process.Output.Split('\n').Where(l => l.StartsWith('{')).Select(l => System.Text.Json.JsonElement.Parse(l))]);
    }

    public void Kill9() => _process.Kill();

    public async Task<int> EndAsync()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }
        TestContext.Current.TestOutputHelper?.WriteLine(Output);
        _process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (_output) _output.AppendLine(line);
    }
}
