using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Moss.Model.Checkpoints;
using Moss.Trainer.Deployments;
using Moss.Trainer.Deployments.Hub;
using Moss.Trainer.Local;

namespace Moss.Trainer.Cli;

/// <summary>The verbs of `checkpoint` by which one made elsewhere gets here: pulled, converted, taken in.</summary>
internal static class CheckpointSources
{
    private static readonly Option<bool> JsonOption = new("--json") { Description = "One JSON object on one line." };

    public static Command Pull()
    {
        var repository = new Argument<string>("OWNER/NAME") { Description = "The repository on the hub." };
        var revision = new Option<string>("--revision") { Description = "Branch, tag or commit.", DefaultValueFactory = _ => "main" };
        var from = new Option<string?>("--from") { Description = $"Address of the hub; otherwise {HubAddress.Variable}." };
        var to = new Option<string?>("--to") { Description = "Folder to pull into; otherwise NAME, here." };
        const string What = "Bring a checkpoint from a hub, checked by its hashes. Broken off, the same command goes on where it was.";
        return new Command("pull", What) { repository, revision, from, to, JsonOption }.Does(async (parsed, cancellation) =>
        {
            var address = HubAddress.Of(parsed.GetValue(from) ?? Environment.GetEnvironmentVariable(HubAddress.Variable),
                parsed.GetRequiredValue(repository), parsed.GetValue(revision)!);
            var folder = parsed.GetValue(to) ?? address.Name;
            var bar = new ProgressBar(TimeProvider.System);
            CheckpointPull.Outcome outcome;
            try
            {
                outcome = await new CheckpointPull(address, folder, Environment.GetEnvironmentVariable(HubClient.TokenVariable), TimeProvider.System,
                    (file, done, bytes) => bar.Show(file, done, Gigabytes(bytes))).RunAsync(cancellation);
            }
            finally
            {
                bar.End();
            }
            var next = outcome.Pickled ? $"./moss checkpoint convert {folder} {folder.TrimEnd('/')}-safetensors" : $"./moss checkpoint verify {folder}";
            CheckpointVerb.PrintOr(parsed.GetValue(JsonOption), new JsonObject
            {
                ["folder"] = Path.GetFullPath(folder), ["commit"] = outcome.Commit, ["pulled"] = outcome.Pulled, ["kept"] = outcome.Kept, ["bytes"] = outcome.Bytes,
                ["pickled"] = outcome.Pickled, ["is"] = Description(folder), ["next"] = next,
            }, $"Pulled {outcome.Pulled} files ({Gigabytes(outcome.Bytes)}) of {address.Repository} into {folder}; {outcome.Kept} were here already. " +
                $"{Description(folder)} {(outcome.Pickled ? "Its weights are PyTorch files. Convert them" : "Check it")}: {next}");
            return 0;
        });
    }

    public static Command Convert()
    {
        var source = new Argument<string>("DIR") { Description = "A folder whose weights are PyTorch .bin files." };
        var target = new Argument<string>("OUT") { Description = "The new folder; must not exist." };
        const string What = "Write PyTorch weights as safetensors, with every other file as it is. Reads tensors only; runs nothing.";
        return new Command("convert", What) { source, target, JsonOption }.Does((parsed, _) =>
        {
            var (started, folder) = (TimeProvider.System.GetTimestamp(), parsed.GetRequiredValue(target));
            using var weights = PickledWeights.Open(parsed.GetRequiredValue(source));
            var bar = new ProgressBar(TimeProvider.System);
            string manifest;
            try
            {
                manifest = weights.WriteTo(folder, written => bar.Show("Converting", (double)written / Math.Max(1, weights.Bytes), Gigabytes(written)));
            }
            finally
            {
                bar.End();
            }
            CheckpointVerb.PrintOr(parsed.GetValue(JsonOption), new JsonObject
            {
                ["folder"] = Path.GetFullPath(folder), ["manifest_sha256"] = manifest, ["tensors"] = weights.Count, ["bytes"] = weights.Bytes,
                ["seconds"] = Math.Round(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 2), ["is"] = Description(folder),
            }, $"Converted {weights.Count} tensors ({Gigabytes(weights.Bytes)}) into {folder}. {Description(folder)} Check it: ./moss checkpoint verify {folder}");
            return Task.FromResult(0);
        });
    }

    public static Command Add()
    {
        var folder = new Argument<string>("DIR") { Description = "A folder in Hugging Face layout: config, tokenizer, chat template, safetensors." };
        var name = new Option<string?>("--name") { Description = "What to call it; otherwise as the folder." };
        return Session.Verb("add", "Take in a checkpoint that was made elsewhere, so that it can be deployed and tuned.", folder, name).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            var source = parsed.GetRequiredValue(folder);
            var added = await AddedCheckpoint.AddAsync(session.Db, Installation.FromEnvironment(), source,
                parsed.GetValue(name) ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(source))), cancellation);
            session.Print(new { checkpoint = added.Name, checkpoint_id = added.Id, manifest_sha256 = added.ManifestSha256, family = added.Family },
                $"Checkpoint {added.Name} ({added.Family}) is taken in. Serve it with: ./moss deploy {added.Name}");
            return 0;
        });
    }

    /// <summary>A sentence on what the folder holds, or why this program cannot use it.</summary>
    private static string Description(string folder)
    {
        try
        {
            var config = Moss.Model.ModelConfig.Load(Path.Combine(folder, "config.json"));
            return string.Create(CultureInfo.InvariantCulture,
                $"It is a {config.Family} network of {config.ParameterCount:N0} parameters, context {config.ContextLength:N0} tokens, stated as {config.WeightType}.");
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
    }

    private static string Gigabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:F2} GB");
}
