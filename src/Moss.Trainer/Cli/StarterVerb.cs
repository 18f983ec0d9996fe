using System.CommandLine;
using System.Text.Json;
using Moss.Trainer.Deployments;
using Moss.Trainer.Local;

namespace Moss.Trainer.Cli;

internal static class StarterVerb
{
    public static Command Create()
    {
        var noDatabase = new Option<bool>("--no-database") { Description = "Make the folder only; register and deploy nothing." };
        var json = new Option<bool>("--json") { Description = "One JSON object per line." };
        const string What = "Make the first checkpoint from samples/conversations.jsonl, once, and deploy it when nothing is deployed.";
        return new Command("starter", What) { noDatabase, json }
            .Does((parsed, cancellation) => RunAsync(parsed.GetValue(noDatabase), parsed.GetValue(json), cancellation));
    }

    private static async Task<int> RunAsync(bool noDatabase, bool json, CancellationToken cancellation)
    {
        var installation = Installation.FromEnvironment();
        var starter = await Starter.MakeAsync(installation, progress => Console.WriteLine(json ? progress.ToJson() : progress.ToString()), cancellation);
        var registered = noDatabase ? null : await starter.RegisterAsync(await MossDatabase.EnsureAsync(cancellation), cancellation);
        Console.WriteLine(json
            ? JsonSerializer.Serialize(new
            {
                checkpoint = registered?.Checkpoint.Name ?? starter.Name,
                checkpoint_id = registered?.Checkpoint.Id,
                folder = starter.Folder,
                manifest_sha256 = starter.ManifestSha256,
                made = starter.Made,
                seconds = Math.Round(starter.Seconds, 1),
                deployed = registered?.Deployed ?? false,
            })
            : (starter.Made
                ? $"The first checkpoint is made: {starter.Folder} ({starter.Seconds:F0} s)."
                : $"The first checkpoint is there already: {starter.Folder}.")
                + (registered?.Deployed == true ? " It is deployed as champion." : ""));
        return 0;
    }
}
