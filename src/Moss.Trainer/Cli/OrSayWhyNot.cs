using System.CommandLine;
using Microsoft.Extensions.Options;
using Moss.Data;
using Moss.Trainer.Local;
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
    /// <remarks>Not an asynchronous action: the command line ends those half a minute after the signal, and stopping in order may take longer.</remarks>
    public static Command DoesUntilStopped(this Command command, Func<ParseResult, Task<int>> work)
    {
        command.SetAction(parsed => SpokenAsync(() => work(parsed), CancellationToken.None).GetAwaiter().GetResult());
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
            await Console.Error.WriteLineAsync(IsNoDatabase(e)
                ? $"The database cannot be used: {e.Message.TrimEnd('.')}. See that it runs, and that {Installation.DatabaseVariable} names it and its account rightly."
                : e.Message);
            return 1;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return CanceledCode;
        }
    }

    private static bool IsNoDatabase(Exception e) => e is NpgsqlException && (Db.IsUnreachable(e) || e is PostgresException
    {
        SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification or PostgresErrorCodes.InvalidCatalogName
    });
}
