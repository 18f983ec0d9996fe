using System.CommandLine;
using Microsoft.Extensions.Options;
using Moss.Data;
using Npgsql;

namespace Moss.Trainer.Cli;

internal static class OrSayWhyNot
{
    private const int CanceledCode = 130; // as shells say for Ctrl-C

    /// <summary>Sets what the verb does. What a person can put right is said on standard error and ends with code 1; a bug keeps its stack trace.</summary>
    public static Command Does(this Command command, Func<ParseResult, CancellationToken, Task<int>> work)
    {
        command.SetAction((parsed, cancellation) => SpokenAsync(() => work(parsed, cancellation), cancellation));
        return command;
    }

    /// <summary>The same for a program that goes on until it is told to stop, and then takes its own time to end.</summary>
    /// <remarks>Not an asynchronous action: the command line would end the process two seconds after the signal.</remarks>
    public static Command DoesUntilStopped(this Command command, Func<Task<int>> work)
    {
        command.SetAction(_ => SpokenAsync(work, CancellationToken.None).GetAwaiter().GetResult());
        return command;
    }

    private static async Task<int> SpokenAsync(Func<Task<int>> work, CancellationToken cancellation)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is MossInputException or InvalidDataException or IOException or UnauthorizedAccessException or DllNotFoundException
            or NpgsqlException or HttpRequestException or OptionsValidationException or InvalidOperationException { InnerException: null })
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return CanceledCode;
        }
    }
}
