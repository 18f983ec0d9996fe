using Moss.Data.Datasets;
using Moss.Model.Learning;
using Moss.Model.Text;

namespace Moss.Trainer.Training;

/// <summary>Turns the examples of a dataset version into tokens, with the replies that are to be learned marked.</summary>
internal static class Rendering
{
    /// <summary>All copies of all examples that fit; how many were left out because nothing of them fits.</summary>
    public static (List<TrainingExample> Examples, int TooLong) Render(ChatTemplate template, IEnumerable<DatasetContent> contents, int maxTokens)
    {
        var (examples, tooLong) = (new List<TrainingExample>(), 0);
        foreach (var content in contents)
        {
            if (Render(template, content, maxTokens) is { } example) examples.AddRange(Enumerable.Repeat(example, Math.Max(1, content.Repeat)));
            else tooLong++;
        }
        return (examples, tooLong);
    }

    public static IReadOnlyList<ChatTurn> Turns(DatasetContent content) => [.. content.Messages.Select(m => new ChatTurn(m.Role, m.Content))];

    private static TrainingExample? Render(ChatTemplate template, DatasetContent content, int maxTokens)
    {
        var turns = Turns(content);
        var learn = content.Messages.Select(m => m.Learn).ToList();
        var lastOnly = learn.IndexOf(true) == learn.Count - 1;
        if (Fit(template, turns, lastOnly, maxTokens) is not { } kept) return null;

        // Where only the last reply is learned, the oldest exchanges went; else the last ones did.
        var rendered = template.Render(kept, generationPrompt: false);
        var wanted = kept.Select((turn, i) => lastOnly ? i == kept.Count - 1 : learn[i]).ToList();
        var own = rendered.Learn.ToArray();
        foreach (var reply in rendered.Spans.Where(s => s.Turn >= 0 && kept[s.Turn].Role == ChatTurn.Assistant && !wanted[s.Turn]).GroupBy(s => s.Turn))
        {
            var (start, end) = (reply.Min(s => s.Start), Math.Min(reply.Max(s => s.End) + 1, own.Length));
            Array.Fill(own, false, start, end - start); // its words, what is between its parts, and its terminator
        }
        return own.Skip(1).Any(o => o) ? new TrainingExample(rendered.Tokens, own) : null;
    }

    private static IReadOnlyList<ChatTurn>? Fit(ChatTemplate template, IReadOnlyList<ChatTurn> turns, bool lastOnly, int maxTokens)
    {
        if (!lastOnly) return template.Fit(turns, maxTokens);
        if (template.Render(turns, generationPrompt: false).Tokens.Length <= maxTokens) return turns;
        try
        {
            return template.FitLatest(turns, maxTokens, generationPrompt: false).Turns;
        }
        catch (ArgumentException)
        {
            return null; // the newest exchange alone is too long
        }
    }
}
