using System.Text.Json;
using Moss.Model.Generation;

namespace Moss.Trainer.Serving;

/// <summary>Turns a request body into a <see cref="ChatRequest"/>, or says which parameter is wrong and what is accepted.</summary>
internal static class ChatRequestReader
{
    private const int MaxStops = 16;
    private const int MaxStopLength = 256;

    /// <summary>Whole numbers up to here survive a client that reads JSON numbers as doubles.</summary>
    private const long MaxSafeInteger = (1L << 53) - 1;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = ChatRequest.MaxDepth, AllowDuplicateProperties = false };

    public static ChatRequest Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body, Strict);
            return Read(new JsonFields(document.RootElement, ""));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the second: a name that is no valid Unicode
        {
            throw new ApiRefusal(400, $"The body is not the JSON that is expected here: {e.Message}", code: "invalid_json");
        }
    }

    private static ChatRequest Read(JsonFields fields)
    {
        var defaults = new SamplingOptions();
        var (stream, includeUsage) = (fields.Boolean("stream") ?? false, false);
        if (fields.Object("stream_options") is { } options)
        {
            if (!stream) throw ApiRefusal.Invalid("stream_options", "'stream_options' is only allowed when 'stream' is true.");
            includeUsage = options.Boolean("include_usage") ?? false;
            options.IgnoreIfBoolean("include_obfuscation");
            options.RefuseTheRest();
        }
        var request = new ChatRequest(
            Model: fields.String("model") ?? Data.Deployments.Deployment.Champion,
            Messages: ChatMessages.Read(fields.Array("messages")
                ?? throw ApiRefusal.Invalid("messages", "'messages' is missing: give a list with at least one message of role 'user'.")),
            Sampling: defaults with
            {
                Temperature = fields.Number("temperature", 0, 2) ?? defaults.Temperature,
                TopP = fields.Number("top_p", double.Epsilon, 1) ?? defaults.TopP,
                TopK = (int)Math.Max(0, fields.Integer("top_k", -1, 1_000_000) ?? defaults.TopK), // some clients write -1 for "off"
                RepetitionPenalty = fields.Number("repetition_penalty", 0.1, 10) ?? defaults.RepetitionPenalty,
                MaxNewTokens = (int)(MaxTokens(fields) ?? defaults.MaxNewTokens),
                Seed = fields.Integer("seed", long.MinValue, long.MaxValue) ?? Random.Shared.NextInt64(MaxSafeInteger),
                Stop = Stops(fields),
            },
            Stream: stream, IncludeUsage: includeUsage);
        RefuseUnsupported(fields);
        fields.RefuseTheRest();
        return request;
    }

    private static long? MaxTokens(JsonFields fields)
    {
        var (older, newer) = (fields.Integer("max_tokens", 1, int.MaxValue), fields.Integer("max_completion_tokens", 1, int.MaxValue));
        if (older is { } a && newer is { } b && a != b) throw ApiRefusal.Invalid("max_tokens",
            $"'max_tokens' ({a}) and 'max_completion_tokens' ({b}) mean the same and differ. Give one of them.");
        return newer ?? older;
    }

    private static IReadOnlyList<string> Stops(JsonFields fields)
    {
        if (fields.Take("stop") is not { } given) return [];
        IReadOnlyList<string> stops = given.ValueKind switch
        {
            JsonValueKind.String => [JsonFields.Text(given, "stop")],
            JsonValueKind.Array when given.GetArrayLength() <= MaxStops =>
                [.. given.EnumerateArray().Select((item, i) => JsonFields.Text(item, $"stop[{i}]"))],
            JsonValueKind.Array => throw ApiRefusal.Invalid("stop", $"'stop' has {given.GetArrayLength():N0} strings; at most {MaxStops} are taken."),
            _ => throw ApiRefusal.Invalid("stop", "'stop' must be a string or a list of strings."),
        };
        return stops.All(s => s.Length is > 0 and <= MaxStopLength)
            ? stops
            : throw ApiRefusal.Invalid("stop", $"Each string of 'stop' must have 1 to {MaxStopLength} characters.");
    }

    /// <summary>Parameters of the interface that this server does not have are taken at the value that asks for nothing, and refused at any other.</summary>
    private static void RefuseUnsupported(JsonFields fields)
    {
        Only("n", v => v.ValueKind is JsonValueKind.Number && v.TryGetInt32(out var n) && n == 1, "1");
        Only("presence_penalty", IsZero, "0 (use repetition_penalty)");
        Only("frequency_penalty", IsZero, "0 (use repetition_penalty)");
        Only("logprobs", v => v.ValueKind is JsonValueKind.False, "false");
        Only("top_logprobs", IsZero, "0");
        Only("logit_bias", v => v.ValueKind is JsonValueKind.Object && !v.EnumerateObject().Any(), "{}");
        Only("tools", v => v.ValueKind is JsonValueKind.Array && v.GetArrayLength() == 0, "[]");
        Only("tool_choice", v => v.ValueKind is JsonValueKind.String && v.ValueEquals("none"), "\"none\"");
        Only("parallel_tool_calls", v => v.ValueKind is JsonValueKind.True or JsonValueKind.False, "true or false");
        Only("response_format", v => v.ValueKind is JsonValueKind.Object && v.TryGetProperty("type", out var type)
            && type.ValueKind is JsonValueKind.String && type.ValueEquals("text"), "{\"type\": \"text\"}");
        Only("store", v => v.ValueKind is JsonValueKind.False, "false");
        Only("user", v => v.ValueKind is JsonValueKind.String, "a string");
        Only("metadata", v => v.ValueKind is JsonValueKind.Object, "an object");

        void Only(string name, Func<JsonElement, bool> accepted, string what)
        {
            if (fields.Take(name) is { } given && !accepted(given))
                throw ApiRefusal.Invalid(name, $"'{name}' is not supported by this server beyond {what}. Leave it out.");
        }
        static bool IsZero(JsonElement v) => v.ValueKind is JsonValueKind.Number && v.TryGetDouble(out var number) && number == 0;
    }
}
