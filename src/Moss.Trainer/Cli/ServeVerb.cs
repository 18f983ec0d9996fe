using System.CommandLine;
using Moss.Trainer.Local;
using Moss.Trainer.Serving;

namespace Moss.Trainer.Cli;

internal static class ServeVerb
{
    public static Command Create() =>
        new Command("serve", "Answer conversations over the OpenAI interface with what is deployed, in the foreground.").DoesUntilStopped(_ => RunAsync());

    private static async Task<int> RunAsync()
    {
        var installation = Installation.FromEnvironment();
        // A database that was named is not waited for: a server started while it is away serves as soon as it is back.
        var connection = MossDatabase.Given ?? await MossDatabase.EnsureAsync(CancellationToken.None);
        await using var app = ServeApp.Create(installation.Serve.GetLeftPart(UriPartial.Authority), connection, installation.Checkpoints);
        await app.RunAsync(); // until SIGINT or SIGTERM
        return Environment.ExitCode;
    }
}
