using System.CommandLine;
using System.Runtime.InteropServices;
using Moss.Trainer.Local;

namespace Moss.Trainer.Cli;

internal static class PostgresVerb
{
    public const string TestDatabaseVariable = "MOSS_TEST_DB";

    public static Command Create()
    {
        var words = new Argument<string[]>("command") { Arity = ArgumentArity.OneOrMore, Description = "What to run, after --" };
        var run = new Command("run", $"Run a command beside a throw-away server, whose connection string is in {TestDatabaseVariable}.") { words }
            .DoesUntilStopped(parsed => RunAsync(parsed.GetValue(words)!));
        var connection = new Command("connection", "Print the connection string of this installation's database.").Does(async (_, cancellation) =>
        {
            Console.WriteLine(await MossDatabase.ConnectAsync(Installation.FromEnvironment(), Console.Error.WriteLine, cancellation));
            return 0;
        });
        return new Command("postgres", "A PostgreSQL server for tests.") { Hidden = true, Subcommands = { run, connection } };
    }

    private static async Task<int> RunAsync(string[] words)
    {
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        var quiet = false; // the command has the last word: scripts read its last line
        var cluster = PostgresCluster.Temporary(Installation.FromEnvironment(), line =>
        {
            if (!quiet) Console.Error.WriteLine(line);
        });
        var pidFile = Path.GetTempFileName();
        try
        {
            await cluster.StartAsync(stop.Token);
            var variables = new Dictionary<string, string> { [TestDatabaseVariable] = await cluster.ConnectionStringAsync("postgres", stop.Token) };
            await using var process = GuardedProcess.Start(words, pidFile, workingDirectory: null, variables, line: null);
            await using var ending = stop.Token.Register(() => _ = process.StopAsync());
            quiet = true;
            return await process.Ended;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 130; // what shells say of a command that Ctrl-C ended
        }
        finally
        {
            await cluster.LeaveAsync(CancellationToken.None);
            File.Delete(pidFile);
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }
}
