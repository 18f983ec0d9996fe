using System.Buffers;
using System.Text;

namespace Moss.Model.Text;

/// <summary>Unicode normalization form C for any string at all.</summary>
internal static class Nfc
{
    private const char Refused = '\uFFFE'; // a noncharacter that string.Normalize throws on; it combines with nothing

    // Characters that are in form C whatever stands beside them: not decomposed by it and no combining marks
    // (Unicode's NFC_Quick_Check = Yes, combining class 0), so text of only these needs no look-up.
    private static readonly SearchValues<char> Settled = SearchValues.Create(
        string.Concat(Range(0, 0x02FF), Range(0x2010, 0x2027), Range(0x3001, 0x3029), Range(0x3041, 0x3096),
            Range(0x30A1, 0x30FA), Range(0x4E00, 0x9FFF), Range(0xAC00, 0xD7A3), Range(0xFF01, 0xFF60)));

    /// <summary>True for most text that is in form C already; false says nothing.</summary>
    public static bool IsSettled(ReadOnlySpan<char> text) => !text.ContainsAnyExcept(Settled);

    public static string Of(string text)
    {
        if (IsSettled(text)) return text;
        // Normalize also throws on lone surrogates; they are U+FFFD in UTF-8 anyway.
        text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        return text.Contains(Refused, StringComparison.Ordinal)
            ? string.Join(Refused, text.Split(Refused).Select(part => part.Normalize(NormalizationForm.FormC)))
            : text.Normalize(NormalizationForm.FormC);
    }

    private static string Range(int first, int last) => string.Create(last - first + 1, first, static (span, from) =>
    {
        for (var i = 0; i < span.Length; i++) span[i] = (char)(from + i);
    });
}
