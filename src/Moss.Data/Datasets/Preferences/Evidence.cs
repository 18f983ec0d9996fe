using Moss.Data.Conversations;
using Moss.Data.Judgements;

namespace Moss.Data.Datasets.Preferences;

/// <summary>
/// A reply, its newest correction, and whether that correction teaches: one that was itself corrected, flagged or rated low does
/// not.
/// </summary>
internal sealed record CorrectedReply(
    Judged Judgement, PathMessage Original, JudgedPrompt Prompt, string Correction, bool Teaches);

/// <summary>
/// Everything that the recipes of preferences rest on: the judgements of a project that hold at the cut, and the replies that
/// they speak of.
/// </summary>
internal sealed class Evidence
{
    private readonly Dictionary<Guid, JudgedReply> replies = [];
    private readonly Dictionary<(string Prompt, string Said), string> texts = [];
    private readonly CorrectedAnswers correctedAnswers = new();

    /// <summary>Comparisons, rankings and overall ratings, oldest first.</summary>
    public IReadOnlyList<Judged> Judgements { get; }

    /// <summary>The newest correction of each corrected reply, oldest first.</summary>
    public IReadOnlyList<CorrectedReply> Corrections { get; }

    /// <param name="judgements">All that hold at the cut, oldest first.</param>
    /// <param name="messages">The replies that they name, whole and cut short, in conversations that may teach.</param>
    /// <param name="prompts">The path to each of those replies' parents, by the parent's id.</param>
    public Evidence(
        IReadOnlyList<Judged> judgements, IReadOnlyDictionary<Guid, PathMessage> messages,
        IReadOnlyDictionary<Guid, JudgedPrompt> prompts, double minScore)
    {
        var flagged = judgements.Where(j => j.Kind == JudgementKind.Flag).Select(j => j.MessageId).ToHashSet();
        foreach (var m in messages.Values)
        {
            if (m.Bad || flagged.Contains(m.Id) || string.IsNullOrWhiteSpace(m.Text)) continue;
            if (m.ParentId is { } parent && prompts.TryGetValue(parent, out var prompt) && prompt.IsPlainQuestion)
                replies[m.Id] = new(m.Id, m.Text, prompt);
        }
        foreach (var reply in replies.Values)
        {
            var key = (reply.Prompt.Key, reply.Said);
            if (!texts.TryGetValue(key, out var text) || string.CompareOrdinal(reply.Text, text) < 0) texts[key] = reply.Text;
        }

        var low = judgements.Where(j => j.Kind == JudgementKind.Rating && j.Score < minScore)
            .Select(j => j.MessageId).ToHashSet();
        var newest = judgements.Where(j => j.Kind == JudgementKind.Correction)
            .GroupBy(j => j.MessageId).ToDictionary(g => g.Key, g => g.Last());
        Corrections =
        [
            .. from j in newest.Values
               orderby j.At, j.Id
               let correction = j.CorrectionId!.Value
               where messages.ContainsKey(j.MessageId) && messages.ContainsKey(correction)
               let original = messages[j.MessageId]
               where original.ParentId is { } parent && prompts.ContainsKey(parent)
               let bad = flagged.Contains(correction) || low.Contains(correction) || newest.ContainsKey(correction)
               select new CorrectedReply(j, original, prompts[original.ParentId!.Value], messages[correction].Text, !bad),
        ];
        foreach (var c in Corrections)
            if (c.Prompt.Path[^1].Role == Role.Human)
                correctedAnswers.Add(
                    c.Original.Text, c.Prompt.Question, c.Teaches ? c.Correction : null, c.Teaches ? c.Judgement.Id : null);
        Judgements =
            [.. judgements.Where(j => j.Kind is JudgementKind.Comparison or JudgementKind.Ranking or JudgementKind.Rating)];
    }

    /// <summary>
    /// Null when it may teach nothing: flagged, cut short, empty, in an examination, or not a plain answer to a person.
    /// </summary>
    public JudgedReply? Reply(Guid? id) => id is { } known ? replies.GetValueOrDefault(known) : null;

    /// <summary>How a normalised text was written; of several ways the first in the alphabet.</summary>
    public string TextOf(JudgedPrompt prompt, string said) => texts[(prompt.Key, said)];

    /// <summary>Whether someone corrected this answer to this question, so that it is never to be learned again.</summary>
    public bool IsCorrected(JudgedPrompt prompt, string answer) =>
        correctedAnswers.Of(answer, prompt.Question).Verdict != AnswerVerdict.Keep;
}
