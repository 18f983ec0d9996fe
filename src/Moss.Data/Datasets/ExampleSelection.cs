using System.Security.Cryptography;
using System.Text;
using Moss.Data.Conversations;
using Npgsql;

namespace Moss.Data.Datasets;

/// <summary>A reason for an example: exactly one of the two.</summary>
internal readonly record struct ExampleSource(Guid? JudgementId, Guid? MessageId);

/// <summary>Takes an example (content null: more sources of one that was given before).</summary>
internal delegate Task TakeExample(
    int ordinal, Split split, DatasetContent? content, IReadOnlyList<ExampleSource> sources, CancellationToken cancellation);

/// <summary>
/// Decides what becomes an example, in this order: corrections (always learned: they are few, and someone asked for them), rated replies, replayed
/// conversations. An answer that someone corrected is never learned again: the correction takes its place wherever the same mistake stands.
/// A question that a correction answers is never held out.
/// </summary>
internal sealed class ExampleSelection(FreezeRule rule, TakeExample take)
{
    private readonly FreezePreview counts = new();
    private readonly Dictionary<UInt128, (int Ordinal, Split Split)> known = [];
    private readonly CorrectedAnswers correctedAnswers = new();
    private readonly HashSet<UInt128> correctedQuestions = [], correctedPaths = [];

    public async Task<FreezePreview> RunAsync(NpgsqlConnection connection, Guid projectId, CancellationToken cancellation)
    {
        var candidates = new FreezeCandidates(connection, projectId, rule, rule.Until!.Value);
        await foreach (var candidate in candidates.CorrectedAsync(cancellation)) await CorrectAsync(candidate, cancellation);
        await foreach (var candidate in candidates.RatedAsync(cancellation)) await RateAsync(candidate, cancellation);
        await foreach (var candidate in candidates.ReplayAsync(cancellation)) await ReplayAsync(candidate, cancellation);
        return counts;
    }

    private async Task CorrectAsync(Candidate candidate, CancellationToken cancellation)
    {
        var (path, original) = (candidate.Path, candidate.Path[^1]);
        var questions = Humans(path);
        correctedPaths.Add(Key(string.Join('\n', questions.Select(SplitRule.Normalise))));
        if (questions.Count > 0)
        {
            correctedAnswers.Add(original.Text, questions[^1], candidate.Correction, candidate.Judgements is [var judgement, ..] ? judgement : null);
            correctedQuestions.UnionWith([Key(questions[0]), Key(questions[^1])]);
        }
        if (candidate.Judgements.Length == 0) return;
        if (Content(path[..^1], candidate.Correction!, original.Text, rule.CorrectionRepeat) is not { } content) counts.LeftOutShape++;
        else if (await AddAsync(content, Split.Train, [new(candidate.Judgements[0], null)], cancellation)) counts.Corrections++;
    }

    private async Task RateAsync(Candidate candidate, CancellationToken cancellation)
    {
        var (path, reply) = (candidate.Path, candidate.Path[^1]);
        if (Humans(path) is [.., var question] && correctedAnswers.Of(reply.Text, question).Verdict != AnswerVerdict.Keep) counts.LeftOutCorrected++;
        else if (Content(path[..^1], reply.Text, null, 1) is not { } content) counts.LeftOutShape++;
        else if (SplitOf(path) is not { } split) counts.LeftOutOfEval++;
        else if (await AddAsync(content, split, [.. candidate.Judgements.Select(j => new ExampleSource(j, null))], cancellation)) counts.Rated++;
    }

    private async Task ReplayAsync(Candidate candidate, CancellationToken cancellation)
    {
        var path = BestPath(candidate.Path);
        var learned = path.Where(m => m.Role == Role.Moss).ToList();
        if (learned.Count == 0 || !IsPlain(path)) counts.LeftOutShape++;
        else if (learned.Exists(m => m.Bad)) counts.LeftOutBad++;
        else if (AsksCorrected(path) || Mended(path) is not { } mended) counts.LeftOutCorrected++;
        else if (SplitOf(path) is not { } split) counts.LeftOutOfEval++;
        else
        {
            var content = new DatasetContent([.. path.Zip(mended.Texts, (m, text) => new DatasetMessage(Name(m.Role), text, m.Role == Role.Moss))]);
            if (!await AddAsync(content, split, mended.Sources, cancellation)) return;
            counts.Replayed++;
            if (mended.Sources.Exists(s => s.JudgementId is not null)) counts.Mended++;
        }
    }

    private async Task<bool> AddAsync(DatasetContent content, Split split, IReadOnlyList<ExampleSource> sources, CancellationToken cancellation)
    {
        // The repeat does not matter here: a reply that was both corrected into and rated is one example, the first.
        var key = Key(string.Join('\0', content.Messages.Select(m => $"{m.Role}\u0001{m.Content}\u0001{m.Learn}")), exact: true);
        var merged = known.TryGetValue(key, out var at);
        if (!merged)
        {
            known[key] = at = (known.Count, split);
            if (split == Split.Train) counts.Train++;
            else counts.Eval++;
        }
        else counts.Merged++;
        await take(at.Ordinal, at.Split, merged ? null : content, sources, cancellation);
        return !merged;
    }

    /// <summary>Null: it would be held out, but a correction teaches one of its questions.</summary>
    private Split? SplitOf(List<PathMessage> path)
    {
        var questions = Humans(path);
        if (!SplitRule.IsHeldOut(questions[0], rule.EvalShare)) return Split.Train;
        return questions.Exists(q => correctedQuestions.Contains(Key(q))) ? null : Split.Eval;
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
        foreach (var question in Humans(path))
        {
            asked = asked.Length == 0 ? SplitRule.Normalise(question) : $"{asked}\n{SplitRule.Normalise(question)}";
            if (correctedPaths.Contains(Key(asked))) return true;
        }
        return false;
    }

    private static DatasetContent? Content(List<PathMessage> before, string answer, string? rejected, int repeat) =>
        IsPlain(before) && before is [.., { Role: Role.Human }]
            ? new DatasetContent([.. before.Select(m => new DatasetMessage(Name(m.Role), m.Text, false)), new DatasetMessage("assistant", answer, true)], rejected, repeat)
            : null;

    /// <summary>A system text at most in front, then a person and MOSS in turn.</summary>
    private static bool IsPlain(List<PathMessage> path)
    {
        var turns = path is [{ Role: Role.System }, ..] ? path[1..] : path;
        return turns.Count > 0 && turns.Index().All(t => t.Item.Role == (t.Index % 2 == 0 ? Role.Human : Role.Moss));
    }

    /// <summary>From the root along the best-ranked replies (0 first, unranked last, then oldest), to the last reply of MOSS.</summary>
    private static List<PathMessage> BestPath(List<PathMessage> tree)
    {
        var children = tree.ToLookup(m => m.ParentId);
        var path = new List<PathMessage>();
        for (var next = children[null].FirstOrDefault(); next is not null; next = children[next.Id].MinBy(m => m.SourceRank ?? int.MaxValue)) path.Add(next);
        while (path is [.., { Role: not Role.Moss }]) path.RemoveAt(path.Count - 1);
        return path;
    }

    private static List<string> Humans(List<PathMessage> path) => [.. path.Where(m => m.Role == Role.Human).Select(m => m.Text)];

    private static string Name(Role role) => role switch { Role.System => "system", Role.Human => "user", _ => "assistant" };

    private static UInt128 Key(string text, bool exact = false) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(exact ? text : SplitRule.Normalise(text))));
}
