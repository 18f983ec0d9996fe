using System.Text.Json;
using Moss.Model.Text;

namespace Moss.Trainer.Serving;

/// <summary>Reads the "messages" of a request: who said what, in order.</summary>
internal static class ChatMessages
{
    private const int MaxMessages = 2_000;
    private static readonly string[] Roles = ["system", "developer", "user", "assistant", "tool"];

    public static IReadOnlyList<ChatTurn> Read(JsonElement messages)
    {
        var count = messages.GetArrayLength();
        if (count is 0 or > MaxMessages) throw ApiRefusal.Invalid("messages",
            count == 0
                ? "'messages' is empty: give at least one message of role 'user'."
                : $"'messages' has {count:N0} messages; at most {MaxMessages:N0} are taken.");
        List<ChatTurn> turns = [.. messages.EnumerateArray().Select((message, i) => Turn(new JsonFields(message, $"messages[{i}]"), i))];
        if (turns[^1].Role is not ("user" or "tool")) throw ApiRefusal.Invalid($"messages[{count - 1}].role",
            $"The last message is of role '{turns[^1].Role}', so there is nothing to reply to. End with a message of role 'user'.");
        return turns;
    }

    private static ChatTurn Turn(JsonFields message, int index)
    {
        var where = $"messages[{index}]";
        var role = message.String("role") ?? throw ApiRefusal.Invalid($"{where}.role", $"'{where}.role' is missing: one of {string.Join(", ", Roles)}.");
        if (!Roles.Contains(role)) throw ApiRefusal.Invalid($"{where}.role", $"'{where}.role' is '{Shown(role)}'; accepted: {string.Join(", ", Roles)}.");
        if (role == "developer") role = "system"; // the interface's newer name for it
        if (role == "system" && index > 0) throw ApiRefusal.Invalid($"{where}.role", "A message of role 'system' can only be the first one.");
        var text = message.Take("content") is { } content ? Content(content, $"{where}.content") : "";
        if (text.Length == 0 && role == "user") throw ApiRefusal.Invalid($"{where}.content", $"'{where}.content' is empty: say something.");
        foreach (var ignored in (string[])["name", "tool_call_id", "refusal"]) message.String(ignored); // who exactly spoke does not reach the template
        if (message.Take("tool_calls") is { } calls && !(calls.ValueKind == JsonValueKind.Array && calls.GetArrayLength() == 0))
            throw ApiRefusal.Invalid($"{where}.tool_calls", $"'{where}.tool_calls' is not supported by this server. Leave it out.");
        message.RefuseTheRest();
        return new ChatTurn(role, text);
    }

    private static string Content(JsonElement content, string where) => content.ValueKind switch
    {
        JsonValueKind.String => JsonFields.Text(content, where),
        JsonValueKind.Array => string.Concat(content.EnumerateArray().Select((part, i) => Part(new JsonFields(part, $"{where}[{i}]"), $"{where}[{i}]"))),
        _ => throw ApiRefusal.Invalid(where, $"'{where}' must be a string or a list of text parts."),
    };

    private static string Part(JsonFields part, string where)
    {
        var type = part.String("type");
        if (type != "text") throw ApiRefusal.Invalid($"{where}.type",
            $"'{where}.type' is '{Shown(type ?? "missing")}'; this server reads text only: 'text'.");
        var text = part.String("text") ?? throw ApiRefusal.Invalid($"{where}.text", $"'{where}.text' is missing.");
        part.RefuseTheRest();
        return text;
    }

    private static string Shown(string value) => value.Length <= 40 ? value : value[..40] + "…";
}
