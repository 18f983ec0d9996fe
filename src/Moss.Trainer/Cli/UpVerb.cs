using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json;
using Moss.Trainer.Local;

namespace Moss.Trainer.Cli;

internal static class UpVerb
{
    private sealed record Child(string Name, string[] Command);

    public static Command Create()
    {
        var children = new Option<FileInfo?>("--children") { Hidden = true, Description = "For tests: a JSON list of {name, command} to keep instead." };
        return new Command("up", "Run everything on this machine: PostgreSQL, portal, serve and work. Ctrl-C stops it all.") { children }
            .DoesUntilStopped(parsed => RunAsync(parsed.GetValue(children)));
    }

    private static async Task<int> RunAsync(FileInfo? children)
    {
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        var others = children is null ? null
            : JsonSerializer.Deserialize<Child[]>(await File.ReadAllTextAsync(children.FullName, stop.Token), JsonSerializerOptions.Web)!
                .Select(child => new ChildProgram(child.Name, child.Command)).ToList();
        using var supervisor = new Supervisor(Installation.FromEnvironment(), others, Console.WriteLine, TimeProvider.System);
        return await supervisor.RunAsync(stop.Token);

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }
}
