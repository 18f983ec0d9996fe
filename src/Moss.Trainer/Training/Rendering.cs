using Moss.Data.Datasets;
using Moss.Model.Learning;
using Moss.Model.Text;

namespace Moss.Trainer.Training;

/// <summary>Turns the examples of a dataset version into lessons: tokens, with what is to be learned of them marked.</summary>
/// <param name="template">How the base checkpoint spells a conversation.</param>
/// <param name="maxTokens">Longest document.</param>
/// <param name="askedQuality">The quality that the base is asked for whatever the recipe; null for most.</param>
internal sealed class Rendering(ChatTemplate template, int maxTokens, string? askedQuality = null)
{
    /// <summary>The lessons of what fits, repeats included, each with the example it came from; how many examples do not fit at all.</summary>
    public (IReadOnlyList<RenderedLesson> Lessons, int TooLong) Render(IReadOnlyList<IExampleContent> contents)
    {
        var (lessons, tooLong) = (new List<RenderedLesson>(), 0);
        foreach (var content in contents)
        {
            if (Lesson(content) is not { } lesson) tooLong++;
            else lessons.AddRange(Enumerable.Repeat(new RenderedLesson(lesson, content), content is DatasetContent { Repeat: > 1 and var repeat } ? repeat : 1));
        }
        return ([.. lessons.Select((rendered, i) => rendered.Content is DesirableContent asked
            ? rendered with { Lesson = rendered.Lesson with { Mismatched = Mismatched(asked, i, lessons) } } : rendered)], tooLong);
    }

    /// <summary>What the base is asked before the first reply that is learned; without a quality, which whoever serves the result adds.</summary>
    public static IReadOnlyList<ChatTurn> Prompt(IExampleContent content)
    {
        var turns = Turns(content switch
        {
            PreferenceContent pair => pair.Prompt,
            DesirableContent reply => reply.Prompt,
            DatasetContent conversation => conversation.Messages,
            _ => [],
        });
        var end = turns.Count;
        while (end > 1 && turns[end - 1].Role == ChatTurn.Assistant) end--;
        return [.. turns.Take(end)];
    }

    private Lesson? Lesson(IExampleContent content) => content switch
    {
        DatasetContent conversation => Conversation(conversation) is { } document ? new(document) : null,
        PreferenceContent pair => Replies(pair.Prompt, [pair.Chosen, pair.Rejected]) is { } both
            ? new Lesson(both) { Weight = pair.Weight, Certainty = pair.Soft, Spoken = pair.Nll } : null,
        DesirableContent reply => Replies(reply.Prompt, [reply.Reply]) is { } one
            ? new Lesson(one) { Weight = reply.Weight, Desirable = reply.Desirable } : null,
        _ => throw new InvalidOperationException($"{content.GetType().Name} has no way of being learned."),
    };

    private TrainingExample? Conversation(DatasetContent content)
    {
        var turns = Asked(Turns(content.Messages), content.Quality);
        var learn = content.Messages.Select(m => m.Learn).ToList();
        var lastOnly = learn.IndexOf(true) == learn.Count - 1;
        // Where only the last reply is learned, the oldest exchanges go; else the last ones do.
        return (lastOnly ? Latest(turns) : template.Fit(turns, maxTokens)) is not { } kept ? null
            : Document(kept, [.. kept.Select((_, i) => lastOnly ? i == kept.Count - 1 : learn[i])]);
    }

    /// <summary>One document per reply after the same turns, of which only the reply is learned; null when the longest does not fit.</summary>
    private TrainingExample[]? Replies(IReadOnlyList<DatasetMessage> prompt, string[] replies)
    {
        var asked = Asked(Turns(prompt), null);
        var whole = replies.Select(reply => (IReadOnlyList<ChatTurn>)[.. asked, new(ChatTurn.Assistant, reply)]).ToList();
        var longest = whole.MaxBy(turns => template.Render(turns, generationPrompt: false).Tokens.Length)!;
        if (Latest(longest) is not { } kept) return null;
        IReadOnlyList<ChatTurn> shared = [.. kept.SkipLast(1)];
        TrainingExample[] documents = [.. whole.Select(turns => Document([.. shared, turns[^1]], [.. shared.Select(_ => false), true])).OfType<TrainingExample>()];
        return documents.Length == replies.Length ? documents : null;
    }

    /// <summary>KTO's other half: the same question with the reply to the next different one.</summary>
    private TrainingExample? Mismatched(DesirableContent asked, int place, List<RenderedLesson> all)
    {
        for (var ahead = 1; ahead < all.Count; ahead++)
        {
            var other = (DesirableContent)all[(place + ahead) % all.Count].Content;
            if (!other.Prompt.SequenceEqual(asked.Prompt) && Replies(asked.Prompt, [other.Reply]) is [var document]) return document;
        }
        return null;
    }

    private TrainingExample? Document(IReadOnlyList<ChatTurn> turns, bool[] wanted)
    {
        var rendered = template.Render(turns, generationPrompt: false);
        var learn = rendered.Learn.ToArray();
        foreach (var reply in rendered.Spans.Where(s => s.Turn >= 0 && turns[s.Turn].Role == ChatTurn.Assistant && !wanted[s.Turn]).GroupBy(s => s.Turn))
        {
            var (start, end) = (reply.Min(s => s.Start), Math.Min(reply.Max(s => s.End) + 1, learn.Length));
            Array.Fill(learn, false, start, end - start); // its words, what is between its parts, and its terminator
        }
        return learn.Skip(1).Any(l => l) ? new TrainingExample(rendered.Tokens, learn) : null;
    }

    private IReadOnlyList<ChatTurn>? Latest(IReadOnlyList<ChatTurn> turns)
    {
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

    private IReadOnlyList<ChatTurn> Asked(IReadOnlyList<ChatTurn> turns, string? quality) =>
        (quality ?? askedQuality) is { } asked ? QualityTag.Ask(turns, asked) : turns;

    private static IReadOnlyList<ChatTurn> Turns(IReadOnlyList<DatasetMessage> messages) => [.. messages.Select(m => new ChatTurn(m.Role, m.Content))];
}

/// <summary>A lesson and the example that it was made of.</summary>
internal sealed record RenderedLesson(Lesson Lesson, IExampleContent Content);
