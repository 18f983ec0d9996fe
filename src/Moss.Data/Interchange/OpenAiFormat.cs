using System.Text.Json;
using Moss.Data.Conversations;

namespace Moss.Data.Interchange;

/// <summary>OpenAI chat JSONL, text only. Tools are refused by name: their calls would be lost.</summary>
internal static class OpenAiFormat
{
    public static ImportedConversation Read(JsonElement line, ImportReport report)
    {
        line.Know("", "messages");
        var messages = new List<ImportedMessage>();
        foreach (var (index, item) in line.Required("", "messages", JsonValueKind.Array).EnumerateArray().Index())
        {
            var at = FormattableString.Invariant($"messages[{index}]");
            item.Know(at, "role", "content", "weight");
            if (item.Optional("weight") is { } weight)
            {
                if (weight.ValueKind != JsonValueKind.Number || weight.GetDouble() != 1)
                    throw new ImportProblem($"{at}.weight", "only 1 is understood: replies that should not be learned cannot be marked yet");
                report.Dropped("message.weight");
            }
            var role = item.RequiredText(at, "role") switch
            {
                "system" or "developer" => Role.System,
                "user" => Role.Human,
                "assistant" => Role.Moss,
                var other => throw new ImportProblem($"{at}.role", $"expected system, developer, user or assistant, found \"{other}\""),
            };
            messages.Add(new(messages.Count == 0 ? null : messages[^1].Id, role, Content(item, at)));
        }
        if (!messages.Exists(m => m.Role == Role.Human)) throw new ImportProblem("messages", "expected at least one message of role user");
        report.Derived("language");
        var first = messages.Find(m => m.Role == Role.Human)!.Text;
        return new(messages) { Language = first.AsSpan().IndexOfAnyInRange('\u4E00', '\u9FFF') >= 0 ? "zh" : "en" };
    }

    private static string Content(JsonElement item, string at)
    {
        if (!item.TryGetProperty("content", out var content)) throw new ImportProblem($"{at}.content", "missing; expected a string");
        if (content.ValueKind != JsonValueKind.Array) return content.Text($"{at}.content");
        var parts = content.EnumerateArray().Index().Select(part =>
        {
            var place = FormattableString.Invariant($"{at}.content[{part.Index}]");
            part.Item.Know(place, "type", "text");
            var type = part.Item.RequiredText(place, "type");
            return type == "text"
                ? part.Item.RequiredText(place, "text")
                : throw new ImportProblem($"{place}.type", $"only \"text\" is understood, found \"{type}\"");
        });
        var text = string.Concat(parts);
        return MessageText.Problem(text) is { } problem ? throw new ImportProblem($"{at}.content", problem.TrimEnd('.')) : text;
    }
}
