using System.Text;

namespace Moss.Data.Conversations;

/// <summary>What a text must be to be stored, and how a model's text is made so.</summary>
public static class MessageText
{
    /// <summary>The text of a person, unchanged; a sentence says why if it cannot be stored.</summary>
    public static string Checked(string text, string what = "The message")
    {
        if (string.IsNullOrWhiteSpace(text)) throw new MossInputException($"{what} is empty. Write something first.");
        if (Problem(text) is { } problem) throw new MossInputException($"{what} {problem}");
        return text;
    }

    /// <summary>Why PostgreSQL or the limit would refuse the text, as the end of a sentence; null when it is fine.</summary>
    public static string? Problem(string text)
    {
        if (text.Contains('\0')) return "contains a NUL character, which cannot be stored. Remove it.";
        if (Broken(text) is var at and >= 0) return $"contains half of a surrogate pair at character {at + 1}, which is not text. Remove it.";
        var bytes = Encoding.UTF8.GetByteCount(text);
        return bytes > Message.MaxBytes
            ? $"has {bytes:N0} bytes; at most {Message.MaxBytes:N0} (64 KB) are stored. Shorten it or send it in parts."
            : null;
    }

    /// <summary>A model's text as it can be stored: no NUL, no half characters, at most 64 KB. A longer text cleans to a longer or equal one.</summary>
    public static string Clean(string text)
    {
        if (text.Length > 0 && char.IsHighSurrogate(text[^1])) text = text[..^1]; // the other half is still to come
        if (text.Contains('\0')) text = text.Replace('\0', '\uFFFD');
        if (Broken(text) >= 0) text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        if (Encoding.UTF8.GetByteCount(text) <= Message.MaxBytes) return text;

        var kept = new StringBuilder(Message.MaxBytes);
        var bytes = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if ((bytes += rune.Utf8SequenceLength) > Message.MaxBytes) break;
            kept.Append(rune.ToString());
        }
        return kept.ToString();
    }

    private static int Broken(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1])) i++;
            else return i;
        }
        return -1;
    }
}
