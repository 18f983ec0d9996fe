using System.Diagnostics;
using System.Globalization;

namespace Moss.Trainer.Local;

/// <summary>A running program that cannot outlive this process: the script keep-child.sh stands between them.</summary>
internal sealed class GuardedProcess : IAsyncDisposable
{
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(15);

    private readonly Process _keeper;

    private GuardedProcess(Process keeper, Task<int> ended) => (_keeper, Ended) = (keeper, ended);

    /// <summary>The exit code, once the program and all it started have ended.</summary>
    public Task<int> Ended { get; }

    /// <param name="line">Called for each line the program writes; null lets it write to our own standard output.</param>
    public static GuardedProcess Start(
        IEnumerable<string> program, string pidFile, string? workingDirectory, IReadOnlyDictionary<string, string> variables, Action<string>? line,
        TimeSpan? grace = null)
    {
        var command = EmbeddedScript.Command(EmbeddedScript.KeepChild,
            [pidFile, (grace ?? Grace).TotalSeconds.ToString(CultureInfo.InvariantCulture), .. program]);
        var start = new ProcessStartInfo(command.First(), command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = line is not null,
            WorkingDirectory = workingDirectory ?? "",
        };
        foreach (var (name, value) in variables) start.Environment[name] = value;
        var keeper = Process.Start(start)!;
        return new GuardedProcess(keeper, EndedAsync(keeper, line));
    }

    /// <summary>TERM, then KILL after the grace; returns when nothing of it runs any more.</summary>
    public async Task StopAsync()
    {
        _keeper.StandardInput.Close();
        await Ended;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _keeper.Dispose();
    }

    private static async Task<int> EndedAsync(Process keeper, Action<string>? line)
    {
        if (line is not null)
            while (await keeper.StandardOutput.ReadLineAsync() is { } text) line(text);
        await keeper.WaitForExitAsync();
        return keeper.ExitCode;
    }
}
