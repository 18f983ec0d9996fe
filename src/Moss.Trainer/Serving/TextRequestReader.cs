using System.Text.Json;
using Moss.Model.Generation;

namespace Moss.Trainer.Serving;

/// <summary>Turns the body of a text request into a <see cref="ReplyRequest"/>: "prompt" is a text, tokens, or a list of either.</summary>
internal static class TextRequestReader
{
    /// <summary>The interface's own default, unlike the chat's.</summary>
    private const int DefaultTokens = 16;

    public static ReplyRequest Read(JsonFields fields)
    {
        var prompts = Prompts(fields.Take("prompt") ?? throw ApiRefusal.Invalid("prompt", "'prompt' is missing: give the text to go on from."));
        var defaults = new SamplingOptions { MaxNewTokens = DefaultTokens };
        var request = SamplingReader.Read(fields, defaults, SamplingReader.TextLikeliest(fields)) with { Prompts = prompts };
        return request.ReplyCount <= ReplyRequest.MostReplies ? request : throw ApiRefusal.Invalid("prompt",
            $"{prompts.Count:N0} prompts with {request.Choices} replies each are more than " +
            $"the {ReplyRequest.MostReplies} replies that one request may ask for.");
    }

    private static List<TextPrompt> Prompts(JsonElement prompt)
    {
        if (prompt.ValueKind != JsonValueKind.Array) return [Text(prompt, "prompt")];
        if (prompt.GetArrayLength() == 0) throw ApiRefusal.Invalid("prompt", "'prompt' is empty: give the text to go on from.");
        if (prompt[0].ValueKind == JsonValueKind.Number) return [Ids(prompt, "prompt")];
        if (prompt.GetArrayLength() > ReplyRequest.MostReplies) throw ApiRefusal.Invalid("prompt",
            $"'prompt' has {prompt.GetArrayLength():N0} texts; at most {ReplyRequest.MostReplies} are taken.");
        return [.. prompt.EnumerateArray().Select((item, i) =>
            item.ValueKind == JsonValueKind.Array ? Ids(item, $"prompt[{i}]") : Text(item, $"prompt[{i}]"))];
    }

    private static TextPrompt Text(JsonElement text, string at) => JsonFields.Text(text, at) is { Length: > 0 } given ? new(given, null)
        : throw ApiRefusal.Invalid(at, $"'{at}' is empty: give the text to go on from.");

    private static TextPrompt Ids(JsonElement ids, string at)
    {
        if (ids.GetArrayLength() == 0) throw ApiRefusal.Invalid(at, $"'{at}' is empty: give the text to go on from.");
        return new(null, [.. ids.EnumerateArray().Select((id, i) =>
            id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out var number) && number >= 0 ? number
            : throw ApiRefusal.Invalid($"{at}[{i}]", $"'{at}[{i}]' must be a token id: a whole number from 0."))]);
    }
}
