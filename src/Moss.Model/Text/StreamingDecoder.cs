using System.Text;

namespace Moss.Model.Text;

/// <summary>
/// Turns ids into text as they come, holding back bytes until they are whole characters. Control tokens give no text.
/// </summary>
/// <param name="dropFirstSpace">A space at the very beginning belongs to the template's spelling and is left out.</param>
public sealed class StreamingDecoder(Tokenizer tokenizer, bool dropFirstSpace = false)
{
    private bool _atStart = dropFirstSpace;
    private readonly System.Text.Decoder _utf8 = Encoding.UTF8.GetDecoder();

    /// <summary>The text that this id completes; empty while a character is unfinished.</summary>
    public string Push(int id)
    {
        var bytes = tokenizer.BytesOf(id); // also the check of the id
        return tokenizer.IsSpecial(id) ? "" : Convert(bytes, flush: false);
    }

    /// <summary>What was held back, as U+FFFD; call once at the end.</summary>
    public string Flush() => Convert([], flush: true);

    private string Convert(ReadOnlySpan<byte> bytes, bool flush)
    {
        Span<char> characters = new char[_utf8.GetCharCount(bytes, flush)];
        characters = characters[.._utf8.GetChars(bytes, characters, flush)];
        if (_atStart && characters.Length > 0)
        {
            _atStart = false;
            if (characters[0] == ' ') characters = characters[1..];
        }
        return new string(characters);
    }
}
