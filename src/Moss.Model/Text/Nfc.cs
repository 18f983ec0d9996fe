using System.Text;

namespace Moss.Model.Text;

/// <summary>Unicode normalization form C for any string at all.</summary>
internal static class Nfc
{
    private const char Refused = '\uFFFE'; // a noncharacter that string.Normalize throws on; it combines with nothing

    public static string Of(string text)
    {
        if (Ascii.IsValid(text)) return text;
        // Normalize also throws on lone surrogates; they are U+FFFD in UTF-8 anyway.
        text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        return text.Contains(Refused, StringComparison.Ordinal)
            ? string.Join(Refused, text.Split(Refused).Select(part => part.Normalize(NormalizationForm.FormC)))
            : text.Normalize(NormalizationForm.FormC);
    }
}
