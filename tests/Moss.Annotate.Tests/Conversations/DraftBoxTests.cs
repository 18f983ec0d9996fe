using Bunit;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Shared;
using Moss.Annotate.Tests.Setup;
using Moss.Data.Drafts;

namespace Moss.Annotate.Tests.Conversations;

public sealed class DraftBoxTests(PostgresServer postgres) : IAsyncLifetime
{
    private readonly BunitContext _page = new();
    private Workplace _work = null!;
    private Guid _me;

    private static CancellationToken Test => Xunit.TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _work = await Workplace.CreateAsync(await postgres.CreateAsync());
        _me = (await _work.Get<SignedIn>().AnnotatorAsync(Test)).Id;
        _work.Add(_page.Services);
        _page.JSInterop.Mode = JSRuntimeMode.Loose;
        _page.JSInterop.Setup<bool>("moss.restore", _ => true).SetResult(true);
    }

    [Fact]
    public async Task Typed_text_becomes_a_draft_and_comes_back_on_the_next_visit()
    {
        var box = await ShowAsync();
        await box.InvokeAsync(() => box.Instance.TypedAsync("half a thought"));
        await ShowAsync();
        Assert.Equal("half a thought", Restored());
    }

    [Fact]
    public async Task The_browsers_copy_wins_over_an_older_draft_and_is_saved()
    {
        await using var db = _work.Db();
        await db.SaveDraftAsync(_me, "say:x", "older", 1, Test);
        _page.JSInterop.Setup<string?>("moss.attach", _ => true).SetResult("newer, typed while the line was down");
        await ShowAsync();
        Assert.Equal("newer, typed while the line was down", Restored());
        await Until.TrueAsync(() => _page.JSInterop.Invocations["moss.stored"].Count > 0);
        Assert.Equal("newer, typed while the line was down", (await db.DraftAsync(_me, "say:x", Test))!.Text);
    }

    [Fact]
    public async Task An_older_tab_is_told_that_a_newer_one_wrote()
    {
        var box = await ShowAsync();
        await using var db = _work.Db();
        await db.SaveDraftAsync(_me, "say:x", "from the other tab", TimeProvider.System.GetUtcNow().AddMinutes(5).ToUnixTimeMilliseconds(), Test);
        await box.InvokeAsync(() => box.Instance.TypedAsync("from here"));
        Assert.NotNull(box.Find("[data-test=draft-elsewhere]"));
        Assert.Equal("from the other tab", (await db.DraftAsync(_me, "say:x", Test))!.Text);
    }

    [Fact]
    public async Task A_text_beyond_64_KB_is_said_before_it_is_sent()
    {
        var box = await ShowAsync();
        await box.InvokeAsync(() => box.Instance.TypedAsync(new string('字', 22_000)));
        Assert.Contains("66,000", box.Find("[data-test=too-long]").TextContent);
        _page.JSInterop.Setup<string?>("moss.read", _ => true).SetResult(new string('字', 22_000));
        Assert.Null(await box.InvokeAsync(box.Instance.ReadAsync));
    }

    [Fact]
    public async Task Clearing_forgets_the_draft_also_when_one_is_just_being_saved()
    {
        var box = await ShowAsync();
        var saving = box.InvokeAsync(() => box.Instance.TypedAsync("sent already"));
        await box.InvokeAsync(box.Instance.ClearAsync);
        await saving;
        await using var db = _work.Db();
        Assert.Null(await db.DraftAsync(_me, "say:x", Test));
    }

    private async Task<IRenderedComponent<DraftBox>> ShowAsync()
    {
        var before = _page.JSInterop.Invocations["moss.restore"].Count;
        var box = _page.Render<DraftBox>(p => p.Add(b => b.Place, "say:x").Add(b => b.Label, "Say"));
        await Until.TrueAsync(() => _page.JSInterop.Invocations["moss.restore"].Count > before);
        return box;
    }

    private string? Restored() => (string?)_page.JSInterop.Invocations["moss.restore"][^1].Arguments[1];

    public async ValueTask DisposeAsync()
    {
        await _page.DisposeAsync();
        await _work.DisposeAsync();
    }
}
