using Markdig;
using Markdig.Extensions.Tables;
using Markdig.Syntax;

namespace Moss.Annotate.Features.Conversations.Rendering;

/// <summary>Parses a reply as Markdown, or declines: what is too large, or too deep, is shown as plain text.</summary>
public static class MarkdownTree
{
    public const int MaxBytes = 64 * 1024;
    public const int MaxCells = 5_000;
    public const int MaxDepth = 40;
    public const int MaxNodes = 20_000;

    // No generic attributes (they emit onclick), no raw-HTML rendering (ours shows it as text).
    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder()
        .UsePipeTables().UseTaskLists().UseAutoLinks().UseEmphasisExtras(Markdig.Extensions.EmphasisExtras.EmphasisExtraOptions.Strikethrough).Build();

    /// <summary>The document, or null when the text is to be shown as it is.</summary>
    public static MarkdownDocument? Parse(string text)
    {
        if (text.Length > MaxBytes || System.Text.Encoding.UTF8.GetByteCount(text) > MaxBytes) return null;
        if (Cells(text) > MaxCells) return null; // counted before parsing: a 62 KB table costs seconds to parse
        try
        {
            var document = Markdown.Parse(text, Pipeline);
            return Fits(document) ? document : null;
        }
        catch (ArgumentException)
        {
            return null; // Markdig's own depth limit
        }
    }

    // Pipes on lines that could be rows. More than the parser would find, never fewer; padding short rows to the header's width
    // makes cells out of nothing, so each line counts at least as many as the widest.
    private static long Cells(string text)
    {
        var (lines, widest) = (0L, 0L);
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            var pipes = line.Count('|');
            if (pipes == 0 && widest == 0) continue;
            lines++;
            widest = Math.Max(widest, pipes);
        }
        return widest <= 1 ? 0 : lines * widest;
    }

    private static bool Fits(MarkdownDocument document)
    {
        var (nodes, cells) = (0, 0);
        var open = new Stack<(MarkdownObject Node, int Depth)>([(document, 0)]);
        while (open.TryPop(out var at))
        {
            if (++nodes > MaxNodes || at.Depth > MaxDepth || (at.Node is TableCell && ++cells > MaxCells)) return false;
            switch (at.Node)
            {
                case ContainerBlock blocks:
                    foreach (var block in blocks) open.Push((block, at.Depth + 1));
                    break;
                case LeafBlock { Inline: { } inline }:
                    open.Push((inline, at.Depth + 1));
                    break;
                case Markdig.Syntax.Inlines.ContainerInline inlines:
                    foreach (var inline in inlines) open.Push((inline, at.Depth + 1));
                    break;
            }
        }
        return true;
    }
}
