using System.CommandLine;
using Moss.Data;
using Npgsql;

namespace Moss.Trainer.Cli;

internal static class OrSayWhyNot
{
    /// <summary>Sets what the verb does. What a person can put right is said in a sentence on standard error and ends with code 1; a bug keeps its stack trace.</summary>
    public static Command Does(this Command command, Func<ParseResult, CancellationToken, Task<int>> work)
    {
        command.SetAction(async (parsed, cancellation) =>
        {
            try
            {
                return await work(parsed, cancellation);
            }
            catch (Exception e) when (e is MossInputException or InvalidDataException or IOException or UnauthorizedAccessException or DllNotFoundException
                or NpgsqlException or HttpRequestException or InvalidOperationException { InnerException: null })
            {
                await Console.Error.WriteLineAsync(e.Message);
                return 1;
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return 130; // as shells say for Ctrl-C
            }
        });
        return command;
    }
}
