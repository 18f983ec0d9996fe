using System.Text;

namespace Moss.Data.Datasets;

/// <summary>
/// Answers that someone corrected, with the questions they were wrong for. The same words may be right elsewhere: "Jaws was directed by Steven Spielberg."
/// said of The Matrix is wrong, and still the answer about Jaws.
/// </summary>
internal sealed class CorrectedAnswers
{
    private readonly Dictionary<string, List<HashSet<string>>> _questions = [];

    public void Add(string answer, string question)
    {
        var key = SplitRule.Normalise(answer);
        if (!_questions.TryGetValue(key, out var questions)) _questions[key] = questions = [];
        questions.Add(Words(question));
    }

    /// <summary>Whether this answer was corrected, unless it speaks of this question at least twice as much as of the one that it was wrong for.</summary>
    /// <remarks>Wrong in another wording of the same question is wrong again: nine copies of a mistake would outvote one correction.</remarks>
    public bool Contain(string answer, string question)
    {
        if (!_questions.TryGetValue(SplitRule.Normalise(answer), out var questions)) return false;
        var (said, asked) = (Words(answer), Words(question));
        var about = Shared(said, asked);
        return questions.Exists(wrongFor => wrongFor.SetEquals(asked) || about == 0 || 2 * Shared(said, wrongFor) > about);
    }

    private static int Shared(HashSet<string> said, HashSet<string> asked) => said.Count(asked.Contains);

    /// <summary>Words, and pairs of neighbours where a script writes no spaces.</summary>
    private static HashSet<string> Words(string text)
    {
        var words = new HashSet<string>();
        var (word, before) = (new StringBuilder(), default(Rune?));
        foreach (var rune in SplitRule.Normalise(text).EnumerateRunes())
        {
            var spaceless = rune.Value is >= 0x2E80 and < 0xA000 or >= 0x20000;
            if (!Rune.IsLetterOrDigit(rune) || spaceless) EndWord();
            if (spaceless && Rune.IsLetter(rune))
            {
                if (before is { } left) words.Add($"{left}{rune}");
                before = rune;
                continue;
            }
            before = null;
            if (Rune.IsLetterOrDigit(rune)) word.Append(rune);
        }
        EndWord();
        return words;

        void EndWord()
        {
            if (word.Length > 0) words.Add(word.ToString());
            word.Clear();
        }
    }
}
