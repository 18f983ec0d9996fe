using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Moss.Data.Deployments;
using Moss.Model.Generation;

namespace Moss.Trainer.Serving;

/// <summary>The parameters that chat and text requests share.</summary>
internal static class SamplingReader
{
    private const int MaxStops = 16, MaxStopLength = 256, MaxBiases = 1_024, MaxLikeliest = 20;

    /// <summary>Whole numbers up to here survive a client that reads JSON numbers as doubles.</summary>
    private const long MaxSafeInteger = (1L << 53) - 1;

    /// <summary>Everything but what the reply is to; the rest of the fields is then refused by name.</summary>
    /// <param name="likeliest">How many alternatives are told with each token; null tells no log-probabilities.</param>
    public static ReplyRequest Read(JsonFields fields, SamplingOptions defaults, int? likeliest)
    {
        var (stream, includeUsage) = (fields.Boolean("stream") ?? false, false);
        if (fields.Object("stream_options") is { } options)
        {
            if (!stream) throw ApiRefusal.Invalid("stream_options", "'stream_options' is only allowed when 'stream' is true.");
            includeUsage = options.Boolean("include_usage") ?? false;
            options.IgnoreIfBoolean("include_obfuscation");
            options.RefuseTheRest();
        }
        var sampling = defaults with
        {
            Temperature = fields.Number("temperature", 0, 2) ?? defaults.Temperature,
            TopP = fields.Number("top_p", double.Epsilon, 1) ?? defaults.TopP,
            TopK = (int)Math.Max(0, fields.Integer("top_k", -1, 1_000_000) ?? defaults.TopK), // some clients write -1 for "off"
            RepetitionPenalty = fields.Number("repetition_penalty", 0.1, 10) ?? defaults.RepetitionPenalty,
            PresencePenalty = fields.Number("presence_penalty", -2, 2) ?? 0,
            FrequencyPenalty = fields.Number("frequency_penalty", -2, 2) ?? 0,
            LogitBias = Biases(fields),
            Likeliest = likeliest,
            JsonObject = AsksForJson(fields),
            IgnoresStopTokens = fields.Boolean("ignore_eos") ?? false, // vLLM's name
            MaxNewTokens = (int)(MaxTokens(fields) ?? defaults.MaxNewTokens),
            Seed = fields.Integer("seed", long.MinValue, long.MaxValue) ?? Random.Shared.NextInt64(MaxSafeInteger),
            Stop = Stops(fields),
        };
        var request = new ReplyRequest(fields.String("model") ?? Deployment.Champion, sampling,
            (int)(fields.Integer("n", 1, ReplyRequest.MostReplies) ?? 1), stream, includeUsage);
        UnsupportedFields.RefuseIn(fields);
        fields.RefuseTheRest();
        return request;
    }

    /// <summary>A chat request's "logprobs" (yes or no) and "top_logprobs".</summary>
    public static int? ChatLikeliest(JsonFields fields)
    {
        var (wanted, most) = (fields.Boolean("logprobs") ?? false, fields.Integer("top_logprobs", 0, MaxLikeliest));
        if (!wanted && most > 0) throw ApiRefusal.Invalid("top_logprobs", "'top_logprobs' is only allowed when 'logprobs' is true.");
        return wanted ? (int)(most ?? 0) : null;
    }

    /// <summary>A text request's "logprobs", a number.</summary>
    public static int? TextLikeliest(JsonFields fields) => (int?)fields.Integer("logprobs", 0, MaxLikeliest);

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

    private static ImmutableDictionary<int, double> Biases(JsonFields fields)
    {
        if (fields.Take("logit_bias") is not { } given) return ImmutableDictionary<int, double>.Empty;
        if (given.ValueKind != JsonValueKind.Object) throw ApiRefusal.Invalid("logit_bias", "'logit_bias' must be a JSON object of token ids.");
        var biases = ImmutableDictionary.CreateBuilder<int, double>();
        foreach (var bias in given.EnumerateObject())
        {
            if (!int.TryParse(bias.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                || bias.Value.ValueKind != JsonValueKind.Number || !bias.Value.TryGetDouble(out var amount) || amount is not (>= -100 and <= 100))
                throw ApiRefusal.Invalid("logit_bias", "'logit_bias' takes token ids as names and numbers from -100 to 100 as values.");
            biases[id] = amount;
        }
        return biases.Count <= MaxBiases ? biases.ToImmutable()
            : throw ApiRefusal.Invalid("logit_bias", $"'logit_bias' has {biases.Count:N0} tokens; at most {MaxBiases:N0} are taken.");
    }

    private static bool AsksForJson(JsonFields fields)
    {
        if (fields.Object("response_format") is not { } format) return false;
        var type = format.String("type");
        if (type is not ("text" or "json_object")) throw ApiRefusal.Invalid("response_format.type",
            "'response_format.type' must be \"text\" or \"json_object\"; schemas are not supported by this server.");
        format.RefuseTheRest();
        return type == "json_object";
    }
}
