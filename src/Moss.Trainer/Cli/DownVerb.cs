using System.CommandLine;
using Moss.Trainer.Local;

namespace Moss.Trainer.Cli;

internal static class DownVerb
{
    // Each of the programs has fifteen seconds to end, and PostgreSQL a minute.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    public static Command Create() => new Command("down", "Stop what `up` runs on this machine.").Does(
        (_, cancellation) => RunAsync(Installation.FromEnvironment(), Console.WriteLine, cancellation));

    private static async Task<int> RunAsync(Installation installation, Action<string> say, CancellationToken cancellation)
    {
        var running = new RunningInstallation(installation);
        if (running.Process() is not { } supervisor)
        {
            say($"Nothing runs here ({installation.State}).");
            return 0;
        }
        await LiveProcess.SignalAsync(supervisor, "TERM", cancellation);
        if (await new Waiting(say, TimeProvider.System).UntilAsync(
                "MOSS is stopping", Longest, _ => Task.FromResult(running.Process() is null), cancellation))
        {
            say("MOSS has stopped.");
            return 0;
        }
        await Console.Error.WriteLineAsync($"Process {supervisor} has not stopped within {Longest.TotalSeconds:F0} s. " +
            $"See {installation.LogFolder}; `kill -9 {supervisor}` ends it, and the programs it runs end by themselves then.");
        return 1;
    }
}
