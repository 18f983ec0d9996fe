using Markdig.Extensions.Tables;
using Markdig.Extensions.TaskLists;
using Markdig.Syntax;
using Microsoft.AspNetCore.Components.Rendering;

namespace Moss.Annotate.Features.Conversations.Rendering;

/// <summary>Writes block nodes that are on the allow-list; any other kind becomes its source text.</summary>
// The tree is rendered afresh whenever the text changes, so one sequence number per kind of frame is enough.
internal sealed class BlockRendering(RenderTreeBuilder to)
{
    private readonly InlineRendering _inlines = new(to);

    public void Children(ContainerBlock blocks)
    {
        foreach (var block in blocks) Block(block, tight: false);
    }

    private void Block(Block block, bool tight)
    {
        switch (block)
        {
            case ParagraphBlock p when tight: _inlines.Children(p.Inline); break;
            case ParagraphBlock p: Leaf("p", p); break;
            case HeadingBlock h: Leaf(h.Level switch { 1 => "h3", 2 => "h4", _ => "h5" }, h); break; // the page's own headings are h1 and h2
            case QuoteBlock q: Around("blockquote", () => Children(q)); break;
            case ListBlock list: List(list); break;
            case ThematicBreakBlock: Around("hr", () => { }); break;
            case Table table: Table(table); break;
            case FencedCodeBlock code: Code(code, code.Info); break;
            case CodeBlock code: Code(code, null); break;
            case HtmlBlock html: Around("p", () => to.AddContent(10, Lines(html))); break; // raw HTML is text
            case LinkReferenceDefinitionGroup: break;
            case ContainerBlock other: Children(other); break;
            case LeafBlock other: Around("p", () => to.AddContent(10, Lines(other))); break;
        }
    }

    private void List(ListBlock list)
    {
        Around(list.IsOrdered ? "ol" : "ul", () =>
        {
            if (list.IsOrdered && int.TryParse(list.OrderedStart, out var start) && start != 1) to.AddAttribute(11, "start", start);
            foreach (var item in list.OfType<ListItemBlock>())
            {
                Around("li", () =>
                {
                    if (IsTask(item)) to.AddAttribute(12, "class", "m-task");
                    foreach (var block in item) Block(block, tight: !list.IsLoose);
                });
            }
        });
    }

    private static bool IsTask(ListItemBlock item) =>
        item is [ParagraphBlock { Inline.FirstChild: TaskList }, ..];

    private void Table(Table table)
    {
        Around("div", () =>
        {
            to.AddAttribute(13, "class", "m-table");
            Around("table", () => Around("tbody", () =>
            {
                foreach (var row in table.OfType<TableRow>()) Around("tr", () => Cells(table, row));
            }));
        });
    }

    private void Cells(Table table, TableRow row)
    {
        for (var i = 0; i < row.Count; i++)
        {
            if (row[i] is not TableCell cell) continue;
            var align = i < table.ColumnDefinitions.Count ? table.ColumnDefinitions[i].Alignment : null;
            Around(row.IsHeader ? "th" : "td", () =>
            {
                if (align is TableColumnAlign.Right or TableColumnAlign.Center) to.AddAttribute(14, "class", align == TableColumnAlign.Right ? "m-right" : "m-center");
                foreach (var block in cell) Block(block, tight: true);
            });
        }
    }

    private void Code(LeafBlock code, string? language)
    {
        Around("pre", () => Around("code", () =>
        {
            if (!string.IsNullOrWhiteSpace(language)) to.AddAttribute(15, "data-language", language);
            to.AddContent(16, Lines(code));
        }));
    }

    private void Leaf(string element, LeafBlock leaf) => Around(element, () => _inlines.Children(leaf.Inline));

    private void Around(string element, Action inside)
    {
        to.OpenElement(17, element);
        inside();
        to.CloseElement();
    }

    private static string Lines(LeafBlock leaf) => leaf.Lines.ToString();
}
