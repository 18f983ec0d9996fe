using System.Text.Json;
using Moss.Data.Conversations;

namespace Moss.Data.Interchange;

/// <summary>Open-Assistant message trees. Ranked siblings keep their rank and become one ranking, best first.</summary>
internal static class OasstFormat
{
    /// <summary>Kept: text, role, rank, the root's lang, and the tree itself. The rest is counted as dropped.</summary>
    private static readonly string[] Known =
    [
        "message_id", "parent_id", "text", "role", "lang", "rank", "replies", "user_id", "created_date", "review_count", "review_result", "deleted",
        "synthetic", "model_name", "emojis", "labels", "events", "detoxify",
    ];

    private static readonly HashSet<string> Kept = ["text", "role", "rank", "replies", "deleted"];

    public static ImportedConversation Read(JsonElement line, ImportReport report)
    {
        line.Know("", "message_tree_id", "tree_state", "prompt", "origin");
        foreach (var property in line.EnumerateObject().Where(p => p.Name != "prompt")) report.Dropped(property.Name);
        var root = line.Required("", "prompt", JsonValueKind.Object);
        var language = root.Optional("lang")?.Text("prompt.lang");
        if (language is { Length: > 35 }) throw new ImportProblem("prompt.lang", "expected a language tag like \"en\" or \"pt-BR\", at most 35 characters");
        var conversation = new ImportedConversation([]) { Language = language };
        var seen = new HashSet<string>(StringComparer.Ordinal);

        // A stack, because trees may be deeper than the call stack; parents are added before their children.
        var open = new Stack<(JsonElement Node, string At, Guid? Parent, string? ParentKey)>([(root, "prompt", null, null)]);
        var ranked = new List<(Guid Parent, int Rank, Guid Id, string At)>();
        while (open.TryPop(out var next))
        {
            var (node, at) = (next.Node, next.At);
            node.Know(at, Known);
            if (node.Optional("deleted") is { ValueKind: JsonValueKind.True }) { report.Dropped("deleted messages"); continue; }
            var key = node.RequiredText(at, "message_id");
            if (!seen.Add(key)) throw new ImportProblem($"{at}.message_id", $"{key} occurs twice in this tree");
            if (node.Optional("parent_id") is { } parent && parent.Text($"{at}.parent_id") != next.ParentKey)
                throw new ImportProblem($"{at}.parent_id", $"says {parent.GetString()}, but the message stands below {next.ParentKey ?? "nothing"}");

            var rank = Rank(node, at);
            var message = new ImportedMessage(next.Parent, RoleOf(node, at), node.RequiredText(at, "text")) { SourceRank = rank };
            conversation.Messages.Add(message);
            if (rank is { } place && next.Parent is { } above) ranked.Add((above, place, message.Id, at));
            foreach (var property in node.EnumerateObject())
                if (!Kept.Contains(property.Name) && property.Value.ValueKind is not JsonValueKind.Null && !(property.Name == "lang" && next.Parent is null))
                    report.Dropped($"message.{property.Name}");

            if (node.Optional("replies") is not { } replies) continue;
            JsonFields.Is(replies, JsonValueKind.Array, $"{at}.replies");
            foreach (var (index, reply) in replies.EnumerateArray().Index().Reverse())
                open.Push((reply, FormattableString.Invariant($"{at}.replies[{index}]"), message.Id, key));
        }
        if (conversation.Messages.Count == 0) throw new ImportProblem("prompt", "the whole tree is marked deleted");
        foreach (var siblings in ranked.GroupBy(r => r.Parent).Where(g => g.Count() > 1))
        {
            var order = siblings.OrderBy(r => r.Rank).ToList();
            // An order cannot say that two are equal: such a set keeps its ranks on the messages only.
            if (order.Zip(order.Skip(1)).Any(pair => pair.First.Rank == pair.Second.Rank)) report.Dropped("ranking with equal ranks");
            else conversation.Rankings.Add(new(siblings.Key, [.. order.Select(r => r.Id)]));
        }
        return conversation;
    }

    private static int? Rank(JsonElement node, string at)
    {
        if (node.Optional("rank") is not { } rank) return null;
        return rank.ValueKind == JsonValueKind.Number && rank.TryGetInt32(out var value) && value >= 0
            ? value
            : throw new ImportProblem($"{at}.rank", "expected a whole number from 0 (best), or null");
    }

    private static Role RoleOf(JsonElement node, string at) => node.RequiredText(at, "role") switch
    {
        "prompter" => Role.Human,
        "assistant" => Role.Moss,
        var other => throw new ImportProblem($"{at}.role", $"expected \"prompter\" or \"assistant\", found \"{other}\""),
    };
}
