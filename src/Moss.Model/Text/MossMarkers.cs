using System.Text.RegularExpressions;

namespace Moss.Model.Text;

/// <summary>
/// Keeps what is said from passing for another's turn where MOSS's openers are plain text, and reads what MOSS wrote for its
/// tools.
/// </summary>
public static partial class MossMarkers
{
    private const int MostCommands = 4;

    /// <summary>
    /// Puts a space into the five openers, so that &lt;|MOSS|&gt; reads &lt; |MOSS|&gt;: visible, and never MOSS's own marker.
    /// </summary>
    /// <remarks>Closers such as &lt;eom&gt; need nothing: text is encoded without control tokens, byte for byte. Citations such
    /// as &lt;|1|&gt; stay.</remarks>
    public static string Neutralize(string text) =>
        text.Contains("<|", StringComparison.Ordinal) ? Opener().Replace(text, marker => $"< {marker.ValueSpan[1..]}") : text;

    /// <summary>Reads the first half of a reply with tools, from after "&lt;|Inner Thoughts|&gt;:" to &lt;eoc&gt;.</summary>
    /// <param name="written">As decoded, with or without the closers.</param>
    /// <returns>Commands that are not of the published form, or more than four, are "None": nothing is run that was not
    /// understood.</returns>
    public static (string Thoughts, string Commands) ReadCommands(string written)
    {
        var parts = written.Split("<|Commands|>:", 2);
        var commands = parts.Length < 2 ? "" : Bare(parts[1], "<eoc>");
        return (Bare(parts[0], "<eot>"), Calls().IsMatch(commands) && Call().Count(commands) <= MostCommands ? commands : "None");
    }

    private static string Bare(string part, string closer)
    {
        part = part.TrimEnd('\n');
        return (part.EndsWith(closer, StringComparison.Ordinal) ? part[..^closer.Length] : part).Trim();
    }

    private const RegexOptions AsWritten = RegexOptions.CultureInvariant | RegexOptions.Singleline;

    [GeneratedRegex(@"<\|(?:Human|MOSS|Inner Thoughts|Commands|Results)\|>", AsWritten | RegexOptions.IgnoreCase)]
    private static partial Regex Opener();

    // As upstream's ^\w+\("…"\)(, *\w+\("…"\))*$; a quotation mark inside must be escaped or the rest cannot be told apart.
    [GeneratedRegex(@"\A\w+\(""(?:[^""\\]|\\.)*""\)(?:, *\w+\(""(?:[^""\\]|\\.)*""\))*\z", AsWritten)]
    private static partial Regex Calls();

    [GeneratedRegex(@"\w+\(""(?:[^""\\]|\\.)*""\)", AsWritten)]
    private static partial Regex Call();
}
