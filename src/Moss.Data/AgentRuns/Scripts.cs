using System.Text;

namespace Moss.Data.AgentRuns;

/// <summary>Which letters a language is written in, by blocks of the Unicode standard.</summary>
internal static class Scripts
{
    private static readonly (int First, int Last)[] Han = [(0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)];
    private static readonly (int First, int Last)[] Latin = [(0x41, 0x5A), (0x61, 0x7A), (0xAA, 0xAA), (0xBA, 0xBA), (0xC0, 0x24F), (0x1E00, 0x1EFF), (0xFF21, 0xFF5A)];
    private static readonly (int First, int Last)[] Kana = [(0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)];
    private static readonly (int First, int Last)[] Hangul = [(0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF)];
    private static readonly (int First, int Last)[] Cyrillic = [(0x400, 0x52F), (0x1C80, 0x1C8F), (0x2DE0, 0x2DFF), (0xA640, 0xA69F)];
    private static readonly (int First, int Last)[] Greek = [(0x370, 0x3FF), (0x1F00, 0x1FFF)];
    private static readonly (int First, int Last)[] Arabic = [(0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF)];
    private static readonly (int First, int Last)[] Hebrew = [(0x590, 0x5FF), (0xFB1D, 0xFB4F)];
    private static readonly (int First, int Last)[] Devanagari = [(0x900, 0x97F), (0xA8E0, 0xA8FF)];
    private static readonly (int First, int Last)[] Thai = [(0xE00, 0xE7F)];

    private static readonly Dictionary<string, (int First, int Last)[]> Of = new(StringComparer.OrdinalIgnoreCase)
    {
        ["zh"] = Han,
        ["ja"] = [.. Han, .. Kana],
        ["ko"] = [.. Hangul, .. Han],
        ["el"] = Greek,
        ["ar"] = Arabic,
        ["fa"] = Arabic,
        ["ur"] = Arabic,
        ["he"] = Hebrew,
        ["hi"] = Devanagari,
        ["mr"] = Devanagari,
        ["ne"] = Devanagari,
        ["th"] = Thai,
        ["ru"] = Cyrillic,
        ["uk"] = Cyrillic,
        ["bg"] = Cyrillic,
        ["en"] = Latin,
        ["de"] = Latin,
        ["fr"] = Latin,
        ["es"] = Latin,
        ["it"] = Latin,
        ["pt"] = Latin,
        ["nl"] = Latin,
        ["sv"] = Latin,
        ["da"] = Latin,
        ["no"] = Latin,
        ["fi"] = Latin,
        ["pl"] = Latin,
        ["cs"] = Latin,
        ["tr"] = Latin,
        ["vi"] = Latin,
        ["id"] = Latin,
    };

    public static IEnumerable<string> Known => Of.Keys.Order(StringComparer.Ordinal);

    public static bool Knows(string language) => Of.ContainsKey(Primary(language));

    /// <summary>Share of the text's letters that belong to the language's scripts, 0 to 1; 0 for a text without letters.</summary>
    public static double ShareOf(string language, string text)
    {
        var letters = text.EnumerateRunes().Where(Rune.IsLetter).ToList();
        return letters.Count == 0 ? 0 : (double)letters.Count(l => Of[Primary(language)].Any(b => l.Value >= b.First && l.Value <= b.Last)) / letters.Count;
    }

    /// <summary>"zh" of "zh-Hans".</summary>
    private static string Primary(string language) => language.Split('-')[0];
}
