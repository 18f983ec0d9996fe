using Moss.Data.Conversations;
using Moss.Data.Datasets.Sides;
using Npgsql;

namespace Moss.Data.Datasets;

/// <summary>
/// The recipes sft and quality. Decides what becomes an example, in this order: corrections (always learned: they are few, and someone asked for them),
/// rated replies, replayed conversations. An answer that someone corrected is never learned again: the correction takes its place wherever the same mistake
/// stands. A question that a correction answers is never held out. Recipe sft takes well-rated replies; recipe quality takes all rated ones, see <see cref="QualityTags"/>.
/// </summary>
/// <param name="tags">Null in recipe sft.</param>
internal sealed class ExampleSelection(FreezeRule rule, ExampleSides sides, QualityTags? tags, FreezePreview counts, ExampleSink sink)
{
    private readonly CorrectedAnswers correctedAnswers = new();
    private readonly HashSet<UInt128> correctedPaths = [];

    public async Task RunAsync(FreezeCandidates candidates, CancellationToken cancellation)
    {
        await foreach (var candidate in candidates.CorrectedAsync(cancellation)) await CorrectAsync(candidate, cancellation);
        await foreach (var candidate in candidates.RatedAsync(cancellation)) await RateAsync(candidate, cancellation);
        await foreach (var candidate in candidates.ReplayAsync(cancellation)) await ReplayAsync(candidate, cancellation);
    }

    private async Task CorrectAsync(Candidate candidate, CancellationToken cancellation)
    {
        var (path, original) = (candidate.Path, candidate.Path[^1]);
        var questions = PathMessage.Questions(path);
        correctedPaths.Add(TextKey.Of(string.Join('\n', questions.Select(SplitRule.Normalise))));
        if (questions.Count > 0)
            correctedAnswers.Add(original.Text, questions[^1], candidate.Correction, candidate.Judgements is [var judgement, ..] ? judgement : null);
        sides.Correct(path, candidate.Judgements.Length > 0);
        if (candidate.Judgements.Length == 0) return;
        if (Content(path[..^1], candidate.Correction!, original.Text, rule.CorrectionRepeat) is not { } content) counts.LeftOutShape++;
        else if (await AddAsync(path, Split.Train, tags?.Tag(content, QualityLevels.High) ?? content, [new(candidate.Judgements[0], null)], cancellation)) counts.Corrections++;
    }

    private async Task RateAsync(Candidate candidate, CancellationToken cancellation)
    {
        var (path, reply) = (candidate.Path, candidate.Path[^1]);
        if (PathMessage.Questions(path) is [.., var question] && correctedAnswers.Of(reply.Text, question).Verdict != AnswerVerdict.Keep) counts.LeftOutCorrected++;
        else if (Content(path[..^1], reply.Text, null, 1) is not { } content) counts.LeftOutShape++;
        else if (sides.Of(path) is not { } split) counts.LeftOutOfEval++;
        else if (await AddAsync(path, split, tags?.Tag(content, candidate.Judgements) ?? content, [.. candidate.Judgements.Select(j => new ExampleSource(j, null))], cancellation))
            counts.Rated++;
    }

    private async Task ReplayAsync(Candidate candidate, CancellationToken cancellation)
    {
        var path = BestPath(candidate.Path);
        var learned = path.Where(m => m.Role == Role.Moss).ToList();
        if (learned.Count == 0 || !PathMessage.ArePlain(path)) counts.LeftOutShape++;
        else if (learned.Exists(m => m.Bad)) counts.LeftOutBad++;
        else if (AsksCorrected(path) || Mended(path) is not { } mended) counts.LeftOutCorrected++;
        else if (sides.Of(path) is not { } split) counts.LeftOutOfEval++;
        else
        {
            var content = new DatasetContent([.. path.Zip(mended.Texts, (m, text) => m.AsTurn(m.Role == Role.Moss) with { Content = text })]);
            if (!await AddAsync(path, split, content, mended.Sources, cancellation)) return;
            counts.Replayed++;
            if (mended.Sources.Exists(s => s.JudgementId is not null)) counts.Mended++;
        }
    }

    private Task<bool> AddAsync(
        List<PathMessage> path, Split split, DatasetContent content, IReadOnlyList<ExampleSource> sources, CancellationToken cancellation)
    {
        // The repeat does not matter here: a reply that was both corrected into and rated is one example, the first.
        var identity = TextKey.Exactly(string.Join('\0', content.Messages.Select(m => $"{m.Role}\u0001{m.Content}\u0001{m.Learn}")));
        return sink.AddAsync(identity, split, sides.KeyOf(path), content, sources, cancellation);
    }

    /// <summary>The path's texts, with corrections in the places of the same mistakes, and what each learned text comes from.
    /// Null: an answer in it was corrected, and nothing can take its place.</summary>
    private (List<string> Texts, List<ExampleSource> Sources)? Mended(List<PathMessage> path)
    {
        var (texts, sources) = (new List<string>(), new List<ExampleSource>());
        foreach (var (i, message) in path.Index())
        {
            var (verdict, correction, judgement) = message.Role == Role.Moss && i > 0
                ? correctedAnswers.Of(message.Text, path[i - 1].Text) : (AnswerVerdict.Keep, null, null);
            if (verdict == AnswerVerdict.LeaveOut) return null;
            texts.Add(correction ?? message.Text);
            var source = correction is null ? new ExampleSource(null, message.Id) : new ExampleSource(judgement, null);
            if (message.Role == Role.Moss && !sources.Contains(source)) sources.Add(source);
        }
        return (texts, sources);
    }

    /// <summary>Whether the path puts the very questions, in their order, to which a correction is the answer.</summary>
    private bool AsksCorrected(List<PathMessage> path)
    {
        var asked = "";
        foreach (var question in PathMessage.Questions(path))
        {
            asked = asked.Length == 0 ? SplitRule.Normalise(question) : $"{asked}\n{SplitRule.Normalise(question)}";
            if (correctedPaths.Contains(TextKey.Of(asked))) return true;
        }
        return false;
    }

    private static DatasetContent? Content(List<PathMessage> before, string answer, string? rejected, int repeat) =>
        PathMessage.ArePlain(before) && before is [.., { Role: Role.Human }]
            ? new DatasetContent([.. before.Select(m => m.AsTurn()), new DatasetMessage("assistant", answer, true)], rejected, repeat)
            : null;

    /// <summary>From the root along the best-ranked replies (0 first, unranked last, then oldest), to the last reply of MOSS.</summary>
    private static List<PathMessage> BestPath(List<PathMessage> tree)
    {
        var children = tree.ToLookup(m => m.ParentId);
        var path = new List<PathMessage>();
        for (var next = children[null].FirstOrDefault(); next is not null; next = children[next.Id].MinBy(m => m.SourceRank ?? int.MaxValue)) path.Add(next);
        while (path is [.., { Role: not Role.Moss }]) path.RemoveAt(path.Count - 1);
        return path;
    }
}
