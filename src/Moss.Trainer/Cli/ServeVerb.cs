using System.CommandLine;
using Moss.Trainer.Local;
using Moss.Trainer.Serving;

namespace Moss.Trainer.Cli;

internal static class ServeVerb
{
    public static Command Create() =>
        new Command("serve", "Answer conversations over the OpenAI interface with what is deployed, in the foreground.").Does(RunAsync);

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var installation = Installation.FromEnvironment();
        // A database that was named is not waited for: a server started while it is away serves as soon as it is back.
        var connection = MossDatabase.Given ?? await MossDatabase.EnsureAsync(cancellation);
        await using var app = ServeApp.Create(installation.Serve.GetLeftPart(UriPartial.Authority), connection, installation.Checkpoints);
        await app.RunAsync(cancellation);
        return Environment.ExitCode;
    }
}
