using System.Buffers;
using System.Text;

namespace Moss.Data.Datasets;

/// <summary>The words of a text, English or Chinese: what is written between spaces, and pairs of neighbours where no spaces are written.</summary>
internal static class Words
{
    private static readonly HashSet<string> Empty =
    [
        .. ("a an the this that these those i you he she it we they me him her us them my your his its our their who whom whose what which when where why how "
            + "is are was were be been am do does did done have has had can could will would shall should may might must of in on at by to from for with about "
            + "as and or but not no yes if than then so there here please tell say name").Split(' '),
    ];

    // Particles and question words; a pair that holds one of them says nothing about the matter.
    private static readonly SearchValues<char> EmptyCharacters = SearchValues.Create("的是了吗呢吧谁哪什么怎为在有和与或这那一不很我你他她它们请问位个叫说");

    public static HashSet<string> Of(string text)
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

    /// <summary>False for words that every sentence has, whatever it is about.</summary>
    public static bool IsContent(string word) => !Empty.Contains(word) && !word.AsSpan().ContainsAny(EmptyCharacters);
}
