using System.Text.Json;

namespace Moss.Trainer.Serving;

/// <summary>
/// Parameters of the interface that this server does not have: those that only say something about the request are ignored, the others are taken at the value
/// that asks for nothing and refused by name at any other.
/// </summary>
internal static class UnsupportedFields
{
    private static readonly string[] Harmless =
    [
        "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "metadata", "store", "parallel_tool_calls", "service_tier", "verbosity",
    ];

    private static readonly string[] Refused =
        ["functions", "function_call", "audio", "prediction", "reasoning_effort", "web_search_options", "suffix", "moderation"];

    public static void RefuseIn(JsonFields fields)
    {
        foreach (var name in Harmless) fields.Take(name);
        foreach (var name in Refused) Only(name, _ => false, null);
        Only("tools", v => v.ValueKind is JsonValueKind.Array && v.GetArrayLength() == 0, "[]");
        Only("tool_choice", v => v.ValueKind is JsonValueKind.String && (v.ValueEquals("none") || v.ValueEquals("auto")), "\"none\"");
        Only("modalities", v => v.ValueKind is JsonValueKind.Array
            && v.EnumerateArray().All(m => m.ValueKind is JsonValueKind.String && m.ValueEquals("text")), "[\"text\"]");
        Only("echo", v => v.ValueKind is JsonValueKind.False, "false");
        Only("best_of", v => v.ValueKind is JsonValueKind.Number && v.TryGetInt32(out var best) && best == 1, "1 (use 'n')");

        void Only(string name, Func<JsonElement, bool> accepted, string? what)
        {
            if (fields.Take(name) is { } given && !accepted(given)) throw new ApiRefusal(400,
                $"'{name}' is not supported by this server{(what is null ? "" : $" beyond {what}")}. Leave it out.", name, "unsupported_parameter");
        }
    }
}
