using DiffPlex;
using DiffPlex.Chunkers;

namespace Moss.Annotate.Features.Conversations.Judging;

/// <summary>How a run of text fares between two versions.</summary>
public enum Change { Same, Removed, Added }

/// <summary>A run of text and whether it stayed.</summary>
public sealed record DiffRun(Change Change, string Text);

/// <summary>The difference of two texts, word by word; Chinese and Japanese, which do not space words, sign by sign.</summary>
public static class WordDiffer
{
    private const int LongestCompared = 20_000; // characters of each side; beyond, the whole text is shown as replaced

    private static readonly DelimiterlessChunker Pieces = new();

    public static IReadOnlyList<DiffRun> Compare(string before, string after)
    {
        if (before.Length > LongestCompared || after.Length > LongestCompared)
            return before == after ? [new(Change.Same, before)] : [new(Change.Removed, before), new(Change.Added, after)];
        var diff = Differ.Instance.CreateDiffs(before, after, ignoreWhiteSpace: false, ignoreCase: false, Pieces);
        string[] old = [.. diff.PiecesOld], now = [.. diff.PiecesNew];
        var runs = new List<DiffRun>();
        var at = 0;
        foreach (var block in diff.DiffBlocks)
        {
            Add(runs, Change.Same, old[at..block.DeleteStartA]);
            Add(runs, Change.Removed, old[block.DeleteStartA..(block.DeleteStartA + block.DeleteCountA)]);
            Add(runs, Change.Added, now[block.InsertStartB..(block.InsertStartB + block.InsertCountB)]);
            at = block.DeleteStartA + block.DeleteCountA;
        }
        Add(runs, Change.Same, old[at..]);
        return runs;
    }

    private static void Add(List<DiffRun> runs, Change change, string[] pieces)
    {
        if (pieces.Length > 0) runs.Add(new DiffRun(change, string.Concat(pieces)));
    }

    /// <summary>Cuts a text into words, single Han signs, spaces and punctuation marks.</summary>
    private sealed class DelimiterlessChunker : IChunker
    {
        public IReadOnlyList<string> Chunk(string text)
        {
            var pieces = new List<string>();
            for (var start = 0; start < text.Length;)
            {
                var end = start + 1;
                if (IsWord(text[start])) while (end < text.Length && IsWord(text[end])) end++;
                else if (char.IsHighSurrogate(text[start]) && end < text.Length) end++;
                pieces.Add(text[start..end]);
                start = end;
            }
            return pieces;
        }

        private static bool IsWord(char c) => (char.IsLetterOrDigit(c) || c is '\'' or '’') && c is not (>= '\u2E80' and <= '\u9FFF' or >= '\uF900' and <= '\uFAFF');
    }
}
