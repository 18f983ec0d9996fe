using System.Text;

namespace Moss.Model.Generation;

/// <summary>Holds text back while it may still turn out to be a stop text, so that none is ever shown, even in part.</summary>
internal sealed class StopTexts(IReadOnlyList<string> stops)
{
    private readonly StringBuilder _held = new();

    /// <summary>Adds new text and gives back what is certain; true in <paramref name="stopped"/> once a stop text came.</summary>
    public string Push(string text, out bool stopped)
    {
        stopped = false;
        if (stops.Count == 0) return text;
        _held.Append(text);
        var all = _held.ToString();
        var first = stops.Select(s => all.IndexOf(s, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        if (first >= 0)
        {
            (stopped, _) = (true, _held.Clear());
            return all[..first];
        }
        var keep = LongestBeginning(all);
        _held.Clear().Append(all, all.Length - keep, keep);
        return all[..^keep];
    }

    /// <summary>What was held back for a stop text that never came.</summary>
    public string Flush()
    {
        var rest = _held.ToString();
        _held.Clear();
        return rest;
    }

    /// <summary>Length of the longest end of the text that begins some stop text.</summary>
    private int LongestBeginning(string text)
    {
        for (var length = Math.Min(text.Length, stops.Max(s => s.Length) - 1); length > 0; length--)
            if (stops.Any(s => s.Length > length && text.EndsWith(s[..length], StringComparison.Ordinal))) return length;
        return 0;
    }
}
