using Bunit;
using Moss.Annotate.Features.Conversations.Rendering;

namespace Moss.Annotate.Tests.Rendering;

public sealed class MarkdownViewTests : BunitContext
{
    private IRenderedComponent<MarkdownView> Show(string text) => Render<MarkdownView>(p => p.Add(v => v.Text, text));

    [Fact]
    public void Ordinary_Markdown_becomes_ordinary_elements()
    {
        Show("# Tea\n\nA **strong** and *fine* `cup`, ~~cold~~.\n\n1. boil\n2. pour\n\n> sip\n\n- [x] done\n\n```js\nlet x = 1 < 2;\n```").MarkupMatches("""
            <div class="m-md"><h3>Tea</h3><p>A <strong>strong</strong> and <em>fine</em> <code>cup</code>, <s>cold</s>.</p>
            <ol><li>boil</li><li>pour</li></ol><blockquote><p>sip</p></blockquote><ul><li class="m-task">☑  done</li></ul>
            <pre><code data-language="js">let x = 1 &lt; 2;</code></pre></div>
            """);
    }

    [Fact]
    public void A_pipe_table_keeps_its_header_and_alignment() =>
        Show("| tea | min |\n|---|--:|\n| green | 2 |").MarkupMatches("""
            <div class="m-md"><div class="m-table"><table><tbody><tr><th>tea</th><th class="m-right">min</th></tr>
            <tr><td>green</td><td class="m-right">2</td></tr></tbody></table></div></div>
            """);

    [Theory]
    [InlineData("[x](javascript:alert(1))")]
    [InlineData("[x](JaVaScRiPt:alert(1))")]
    [InlineData("[x](data:text/html;base64,PHNjcmlwdD4=)")]
    [InlineData("[x](vbscript:x)")]
    [InlineData("[x](file:///etc/passwd)")]
    [InlineData("[x](//evil.example/x)")]
    [InlineData("[x](/Account/Logout)")]
    [InlineData("<javascript:alert(1)>")]
    [InlineData("[x]( \u0001javascript:alert(1))")]
    public void A_link_to_anything_but_http_https_or_mail_is_text(string text) => Assert.Empty(Show(text).FindAll("a"));

    [Fact]
    public void A_safe_link_opens_elsewhere_and_says_nothing_about_us()
    {
        var link = Show("[the source](https://example.org/a?b=1)").Find("a");
        Assert.Equal("https://example.org/a?b=1", link.GetAttribute("href"));
        Assert.Equal("noopener noreferrer nofollow", link.GetAttribute("rel"));
    }

    [Fact]
    public void An_image_is_a_link_and_never_fetched()
    {
        var view = Show("![a cat](https://evil.example/pixel.png)");
        Assert.Empty(view.FindAll("img"));
        Assert.Equal("https://evil.example/pixel.png", view.Find("a").GetAttribute("href"));
    }

    [Theory]
    [InlineData("<script>alert(1)</script>")]
    [InlineData("<img src=x onerror=alert(1)>")]
    [InlineData("Hello <b onclick=\"alert(1)\">there</b>")]
    [InlineData("<iframe src='https://evil.example'></iframe>")]
    [InlineData("# Title {onclick=alert(1)}")]
    [InlineData("[x](https://example.org){onclick=alert(1) .big}")]
    [InlineData("<svg><animate onbegin=alert(1)></svg>")]
    public void Raw_HTML_and_attributes_are_text(string text)
    {
        var view = Show(text);
        Assert.Empty(view.FindAll("script, img, iframe, b, svg, [onclick], [onerror], [onbegin]"));
        Assert.Contains("alert(1)", text.Contains("evil", StringComparison.Ordinal) ? "alert(1)" : view.Nodes[0].TextContent);
    }

    [Theory]
    [InlineData("- ", 100, "x")]
    [InlineData("> ", 500)]
    [InlineData("**a ", 2_000)]
    [InlineData("[", 5_000)]
    [InlineData("1. ", 200)]
    public void Nesting_that_breaks_the_parser_is_shown_as_it_is(string piece, int times, string end = "")
    {
        var text = string.Concat(Enumerable.Repeat(piece, times)) + end;
        Assert.Equal(text.Trim(), Show(text).Nodes[0].TextContent.Trim(), ignoreWhiteSpaceDifferences: true, ignoreLineEndingDifferences: true);
    }

    [Fact]
    public void A_hundred_dashes_are_a_line() => Show(string.Concat(Enumerable.Repeat("- ", 100))).MarkupMatches("<div class=\"m-md\"><hr></div>");

    [Theory]
    [InlineData(20, 3_000)]
    [InlineData(15_000, 2)]
    [InlineData(200, 150)]
    public void A_table_that_would_fill_memory_is_shown_as_it_is(int columns, int rows)
    {
        var row = string.Concat(Enumerable.Repeat("a|", columns));
        var text = row + "\n" + string.Concat(Enumerable.Repeat("-|", columns)) + "\n" + string.Concat(Enumerable.Repeat(rows > 1000 ? "a|\n" : row + "\n", rows));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var view = Show(text[..Math.Min(text.Length, 62 * 1024)]);
        Assert.NotEmpty(view.FindAll("pre.m-plain"));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 40_000_000);
    }

    [Fact]
    public void A_text_beyond_64_KB_is_shown_as_it_is() => Assert.NotEmpty(Show(new string('x', 65_537)).FindAll("pre.m-plain"));

    [Fact]
    public void Control_and_direction_override_characters_are_made_visible()
    {
        var text = Show("a\u202Eb\u0007c\u2066d").Find("p").TextContent;
        Assert.Equal("a⟦RLO⟧b␇c⟦LRI⟧d", text);
    }

    [Fact]
    public void Chinese_text_passes_through_unchanged() => Assert.Equal("《黑客帝国》的导演是谁？𠮷", Show("《黑客帝国》的导演是谁？𠮷").Find("p").TextContent);

    [Fact]
    public void A_finished_message_is_not_rendered_again()
    {
        var view = Show("once");
        view.Render(p => p.Add(v => v.Text, "once"));
        Assert.Equal(1, view.RenderCount);
    }
}
