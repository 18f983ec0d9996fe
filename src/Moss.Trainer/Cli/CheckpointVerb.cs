using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Moss.Trainer.Deployments;
using Moss.Trainer.Local;

namespace Moss.Trainer.Cli;

internal static class CheckpointVerb
{
    public static Command Create() => new("checkpoint", "Look at a checkpoint folder, or take one in.") { Inspect(), Verify(), Add(), CheckpointMergeVerb.Create() };

    private static Command Inspect()
    {
        var (folder, json, template) = Arguments();
        return new Command("inspect", "Say what a folder holds, without reading its weights.") { folder, json, template }.Does((parsed, _) =>
        {
            Print(new CheckpointInspection(parsed.GetRequiredValue(folder), parsed.GetValue(template)).Describe(), parsed.GetValue(json));
            return Task.FromResult(0);
        });
    }

    private static Command Verify()
    {
        var (folder, json, template) = Arguments();
        var golden = new Option<string?>("--golden")
        {
            Description = "Also compare logits and greedy ids with this reference file; prints the largest difference.",
        };
        return new Command("verify", "Read everything in a folder and say whether it is sound.") { folder, golden, json, template }.Does((parsed, _) =>
        {
            var (path, asJson) = (parsed.GetRequiredValue(folder), parsed.GetValue(json));
            try
            {
                var found = new CheckpointInspection(path, parsed.GetValue(template)).Verify(parsed.GetValue(golden));
                var sound = found["golden_holds"]?.GetValue<bool>() ?? true;
                found["sound"] = sound;
                Print(found, asJson);
                if (!sound) Console.Error.WriteLine($"'{path}' does not compute what the reference does: see the differences above.");
                return Task.FromResult(sound ? 0 : 1);
            }
            catch (Exception e) when (asJson && e is InvalidDataException or IOException)
            {
                Print(new JsonObject { ["folder"] = path, ["sound"] = false, ["error"] = e.Message }, asJson);
                throw;
            }
        });
    }

    private static Command Add()
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

    private static (Argument<string>, Option<bool>, Option<string?>) Arguments() => (
        new("DIR") { Description = "The checkpoint folder." },
        new("--json") { Description = "One JSON object on one line." },
        new("--template") { Description = "Name of the chat template, for a folder whose own text is unknown." });

    private static void Print(JsonObject found, bool json)
    {
        if (json)
        {
            Console.WriteLine(found.ToJsonString());
            return;
        }
        foreach (var (name, value) in found)
        {
            var label = name.Replace('_', ' ');
            if (value is JsonArray list)
                foreach (var row in list.OfType<JsonObject>()) Console.WriteLine($"{"file",-34}{Shown(row["bytes"]),16}  {row["name"]}");
            else Console.WriteLine($"{label,-34}{Shown(value)}");
        }
    }

    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static string Shown(JsonNode? value) => value switch
    {
        null => "none",
        JsonObject nested => nested.ToJsonString(Readable),
        JsonValue number when number.TryGetValue<long>(out var whole) => whole.ToString("N0", CultureInfo.InvariantCulture),
        JsonValue number when number.TryGetValue<double>(out var real) => real.ToString("G4", CultureInfo.InvariantCulture),
        JsonValue flag when flag.TryGetValue<bool>(out var yes) => yes ? "yes" : "no",
        _ => value.ToString(),
    };
}
