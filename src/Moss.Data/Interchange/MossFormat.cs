using System.Text.Json;
using Moss.Data.Conversations;

namespace Moss.Data.Interchange;

/// <summary>MOSS's own SFT files. A turn is a Human and a Moss message; its three other parts stay on the Moss message, word for word.</summary>
internal static class MossFormat
{
    public static ImportedConversation Read(JsonElement line, ImportReport report)
    {
        line.Know("", "conversation_id", "meta_instruction", "num_turns", "chat", "category");
        var messages = new List<ImportedMessage> { new(null, Role.System, line.RequiredText("", "meta_instruction")) };
        var chat = line.Required("", "chat", JsonValueKind.Object);
        var turns = 0;
        foreach (var turn in chat.EnumerateObject())
        {
            var at = $"chat.{turn.Name}";
            if (turn.Name != FormattableString.Invariant($"turn_{++turns}"))
                throw new ImportProblem(at, $"expected turn_{turns}: turns are numbered from 1 in order");
            // Upstream's README says "Results", its files say "Tool Responses".
            turn.Value.Know(at, "Human", "Inner Thoughts", "Commands", "Tool Responses", "Results", "MOSS");
            var human = Unwrap(turn.Value.RequiredText(at, "Human"), $"{at}.Human", "<|Human|>: ", "<eoh>\n");
            messages.Add(new(messages[^1].Id, Role.Human, human));
            var said = Unwrap(turn.Value.RequiredText(at, "MOSS"), $"{at}.MOSS", "<|MOSS|>: ", "<eom>\n");
            messages.Add(new(messages[^1].Id, Role.Moss, said)
            {
                Thoughts = turn.Value.Optional("Inner Thoughts")?.Text($"{at}.Inner Thoughts"),
                Commands = turn.Value.Optional("Commands")?.Text($"{at}.Commands"),
                Results = (turn.Value.Optional("Tool Responses") ?? turn.Value.Optional("Results"))?.Text($"{at}.Tool Responses"),
            });
        }
        if (turns == 0) throw new ImportProblem("chat", "expected at least turn_1, found no turn");
        var stated = line.Required("", "num_turns", JsonValueKind.Number);
        if (!stated.TryGetInt32(out var number) || number != turns)
            throw new ImportProblem("num_turns", $"says {stated.GetRawText()}, but chat has {turns} turns");

        report.Dropped("num_turns"); // it is the number of turns
        foreach (var name in (ReadOnlySpan<string>)["conversation_id", "category"])
            if (line.TryGetProperty(name, out _)) report.Dropped(name);
        report.Derived("language");
        return new(messages) { Language = HasHan(messages[1].Text) ? "zh" : "en" };
    }

    private static string Unwrap(string segment, string at, string opener, string closer)
    {
        if (!segment.StartsWith(opener, StringComparison.Ordinal))
            throw new ImportProblem(at, $"expected to begin with \"{opener}\"");
        if (!segment.EndsWith(closer, StringComparison.Ordinal) || segment.Length < opener.Length + closer.Length)
            throw new ImportProblem(at, $"expected to end with \"{closer.TrimEnd('\n')}\" and a newline");
        return segment[opener.Length..^closer.Length];
    }

    private static bool HasHan(string text) => text.AsSpan().IndexOfAnyInRange('\u4E00', '\u9FFF') >= 0;
}
