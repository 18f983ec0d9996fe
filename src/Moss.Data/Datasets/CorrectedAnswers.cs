namespace Moss.Data.Datasets;

/// <summary>What is to become of an answer that stands elsewhere too.</summary>
internal enum AnswerVerdict { Keep, LeaveOut, Replace }

/// <summary>
/// Answers that someone corrected, with the questions they were wrong for. The same words elsewhere are the same mistake when they answer the same
/// question in other words, and may be right when they answer another one: "Jaws was directed by Steven Spielberg." said of The Matrix is wrong.
/// </summary>
/// <remarks>
/// What an answer speaks of is the content words that it shares with its own question. Where all of them stand in the corrected question too, it is the
/// same mistake, and the correction belongs in its place: nine copies of a mistake would outvote one correction. Where there are none ("Yes."),
/// nobody can tell, and the answer is left out.
/// </remarks>
internal sealed class CorrectedAnswers
{
    private readonly Dictionary<string, List<Mistake>> _mistakes = [];

    /// <param name="correction">Null when nothing stands that could take the answer's place.</param>
    public void Add(string answer, string question, string? correction, Guid? judgement)
    {
        var key = SplitRule.Normalise(answer);
        if (!_mistakes.TryGetValue(key, out var mistakes)) _mistakes[key] = mistakes = [];
        mistakes.Add(new(Words.Of(question), correction, judgement));
    }

    /// <summary>Whether this answer to this question may be learned; else the correction that takes its place, if exactly one is known.</summary>
    public (AnswerVerdict Verdict, string? Correction, Guid? Judgement) Of(string answer, string question)
    {
        if (!_mistakes.TryGetValue(SplitRule.Normalise(answer), out var mistakes)) return (AnswerVerdict.Keep, null, null);
        var asked = Words.Of(question);
        var spokenOf = Words.Of(answer).Where(asked.Contains).Where(Words.IsContent).ToList();
        var same = mistakes.FindAll(m => m.Question.SetEquals(asked) || (spokenOf.Count > 0 && spokenOf.TrueForAll(m.Question.Contains)));
        if (same.Count == 0) return (spokenOf.Count == 0 ? AnswerVerdict.LeaveOut : AnswerVerdict.Keep, null, null);
        return same.Exists(m => m.Correction is null) || same.DistinctBy(m => m.Correction).Count() > 1
            ? (AnswerVerdict.LeaveOut, null, null)
            : (AnswerVerdict.Replace, same[0].Correction, same[0].Judgement);
    }

    private sealed record Mistake(HashSet<string> Question, string? Correction, Guid? Judgement);
}
