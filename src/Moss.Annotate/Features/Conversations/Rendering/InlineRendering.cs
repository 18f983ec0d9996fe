using Markdig.Extensions.TaskLists;
using Markdig.Syntax.Inlines;
using Microsoft.AspNetCore.Components.Rendering;

namespace Moss.Annotate.Features.Conversations.Rendering;

/// <summary>Writes inline nodes that are on the allow-list: emphasis, code, breaks, safe links; raw HTML is text, an image is a link.</summary>
internal sealed class InlineRendering(RenderTreeBuilder to)
{
    public void Children(ContainerInline? inlines)
    {
        if (inlines is null) return;
        foreach (var inline in inlines) Inline(inline);
    }

    private void Inline(Inline inline)
    {
        switch (inline)
        {
            case LiteralInline text: to.AddContent(30, text.Content.ToString()); break;
            case HtmlEntityInline entity: to.AddContent(30, SafeText.Visible(entity.Transcoded.ToString())); break;
            case CodeInline code: Around("code", () => to.AddContent(30, code.Content)); break;
            case EmphasisInline e: Around(e.DelimiterChar == '~' ? "s" : e.DelimiterCount >= 2 ? "strong" : "em", () => Children(e)); break;
            case LineBreakInline { IsHard: true }: Around("br", () => { }); break;
            case LineBreakInline: to.AddContent(30, "\n"); break;
            case LinkInline link: Link(link.Url, () => Children(link), link.FirstChild is null ? link.Url : null, link.IsImage); break;
            case AutolinkInline auto: Link(auto.IsEmail ? "mailto:" + auto.Url : auto.Url, () => { }, auto.Url, image: false); break;
            case HtmlInline html: to.AddContent(30, html.Tag); break;
            case TaskList task: Task(task.Checked); break;
            case DelimiterInline delimiter: to.AddContent(30, delimiter.ToLiteral()); Children(delimiter); break;
            case ContainerInline other: Children(other); break;
            default: break;
        }
    }

    private void Link(string? url, Action inside, string? text, bool image)
    {
        if (SafeLink.Of(url) is not { } href)
        {
            inside();
            to.AddContent(30, text ?? "");
            return;
        }
        Around("a", () =>
        {
            to.AddAttribute(31, "href", href);
            to.AddAttribute(32, "rel", "noopener noreferrer nofollow");
            to.AddAttribute(33, "target", "_blank");
            to.AddAttribute(34, "title", href); // where it really leads
            if (image) to.AddContent(30, "🖼 ");
            inside();
            if (text is not null) to.AddContent(30, text);
        });
    }

    private void Task(bool done) => to.AddContent(30, done ? "☑ " : "☐ ");

    private void Around(string element, Action inside)
    {
        to.OpenElement(35, element);
        inside();
        to.CloseElement();
    }
}
