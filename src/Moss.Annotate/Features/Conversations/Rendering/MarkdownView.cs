using Markdig.Syntax;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;

namespace Moss.Annotate.Features.Conversations.Rendering;

/// <summary>A reply's Markdown as elements of an allow-list. A text that cannot be rendered safely is shown in a pre.</summary>
public sealed class MarkdownView : ComponentBase
{
    private string? _shown;
    private MarkdownDocument? _document;
    private bool _changed;

    [Parameter, EditorRequired] public string Text { get; set; } = "";

    protected override void OnParametersSet()
    {
        _changed = _shown != Text;
        if (!_changed) return;
        _shown = Text;
        _document = MarkdownTree.Parse(SafeText.Visible(Text));
    }

    protected override bool ShouldRender() => _changed;

    protected override void BuildRenderTree(RenderTreeBuilder builder)
    {
        if (_document is null)
        {
            builder.OpenElement(0, "pre");
            builder.AddAttribute(1, "class", "m-plain");
            builder.AddContent(2, SafeText.Visible(Text));
            builder.CloseElement();
            return;
        }
        builder.OpenElement(3, "div");
        builder.AddAttribute(4, "class", "m-md");
        new BlockRendering(builder).Children(_document);
        builder.CloseElement();
    }
}
