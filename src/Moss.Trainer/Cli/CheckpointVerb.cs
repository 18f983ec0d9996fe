using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Moss.Trainer.Deployments;

namespace Moss.Trainer.Cli;

internal static class CheckpointVerb
{
    public static Command Create() => new("checkpoint", "Look at a checkpoint folder, bring one here, or take one in.")
    {
        Inspect(), Verify(), CheckpointSources.Pull(), CheckpointSources.Convert(), CheckpointSources.Add(),
    };

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

    private static (Argument<string>, Option<bool>, Option<string?>) Arguments() => (
        new("DIR") { Description = "The checkpoint folder." },
        new("--json") { Description = "One JSON object on one line." },
        new("--template") { Description = "Name of the chat template, for a folder whose own text is unknown." });

    internal static void PrintOr(bool json, JsonObject found, string words) => Console.WriteLine(json ? found.ToJsonString(Readable) : words);

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
            else if (name == "memory") foreach (var line in MemoryLines((JsonObject)value!)) Console.WriteLine(line);
            else Console.WriteLine($"{label,-34}{Shown(value)}");
        }
    }

    private static IEnumerable<string> MemoryLines(JsonObject memory)
    {
        var tokens = Shown(memory["tune_tokens"]);
        var what = new (string Field, string Label)[]
        {
            ("load", "memory to load"), ("chat_2k", "memory to chat to 2,048 tokens"), ("chat_8k", "memory to chat to 8,192 tokens"),
            ("chat_32k", "memory to chat to 32,768 tokens"), ("tune_lora_r16", "memory to tune by LoRA, r 16"), ("tune_full", "memory to tune in full"),
        };
        foreach (var (field, label) in what)
            yield return $"{label,-34}" + (memory[field] is { } bytes
                ? string.Create(CultureInfo.InvariantCulture, $"{bytes.GetValue<long>() / 1e9:F2} GB")
                    + (field.StartsWith("tune", StringComparison.Ordinal) ? $" for one conversation of {tokens} tokens" : "")
                : "beyond its context");
        yield return $"{"",-34}estimated, in float32, without the 0.3 GB of the program itself";
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
