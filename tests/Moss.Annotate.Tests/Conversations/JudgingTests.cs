using Bunit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Conversations;
using Moss.Annotate.Features.Conversations.Judging;
using Moss.Annotate.Features.Conversations.Talking;
using Moss.Annotate.Tests.Setup;
using Moss.Data;
using Moss.Data.Conversations;
using Moss.Data.Judgements;

namespace Moss.Annotate.Tests.Conversations;

public sealed class JudgingTests(PostgresServer postgres) : IAsyncLifetime
{
    private readonly BunitContext _page = new();
    private Workplace _work = null!;
    private Message _reply = null!;

    private static CancellationToken Test => Xunit.TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _work = await Workplace.CreateAsync(await postgres.CreateAsync());
        _reply = await _work.ReplyAsync(await _work.CheckpointAsync());
        _work.Add(_page.Services);
        _page.JSInterop.Mode = JSRuntimeMode.Loose;
    }

    [Fact]
    public async Task Clicking_a_score_twice_rates_once_and_another_score_supersedes_it()
    {
        var tools = await ToolsAsync();
        await tools.Find("[data-test=rate-4]").ClickAsync(new());
        await tools.Find("[data-test=rate-4]").ClickAsync(new());
        Assert.Equal([4.0], (await RatingsAsync()).Select(r => r.Score));

        tools = await ToolsAsync();
        Assert.Equal("true", tools.Find("[data-test=rate-4]").GetAttribute("aria-pressed"));
        await tools.Find("[data-test=rate-2]").ClickAsync(new());
        Assert.Equal(2, (await RatingsAsync()).Single(r => r.SupersedesId is not null).Score);
    }

    [Fact]
    public async Task The_same_key_delivered_twice_is_one_judgement()
    {
        var (judge, key) = (_work.Get<Judge>(), Guid.CreateVersion7());
        await Task.WhenAll(judge.RateAsync(_reply.Id, key, 5, null, Test), judge.RateAsync(_reply.Id, key, 5, null, Test));
        Assert.Single(await RatingsAsync());
    }

    [Fact]
    public async Task A_correction_starts_from_the_reply_shows_the_changed_words_and_becomes_a_sibling()
    {
        _page.JSInterop.Setup<bool>("moss.restore", _ => true).SetResult(true);
        var reading = _page.JSInterop.Setup<string?>("moss.read", _ => true);
        Guid? made = null;
        var editor = _page.Render<CorrectionEditor>(p => p.Add(e => e.Reply, _reply).Add(e => e.OnDone, id => made = id));
        await Until.TrueAsync(() => _page.JSInterop.Invocations["moss.restore"].Any(i => Equals(i.Arguments[1], _reply.Text)));
        Assert.Empty(editor.FindAll("[data-test=diff]"));

        const string right = "Lana and Lilly Wachowski.";
        await editor.InvokeAsync(() => editor.FindComponent<global::Moss.Annotate.Features.Shared.DraftBox>().Instance.TypedAsync(right));
        editor.WaitForAssertion(() => Assert.Contains("Ridley", editor.Find("del").TextContent), TimeSpan.FromSeconds(3));
        Assert.Contains("Wachowski", string.Concat(editor.FindAll("ins").Select(i => i.TextContent)));

        reading.SetResult(right);
        await editor.Find("[data-test=correction-submit]").ClickAsync(new());
        await Until.TrueAsync(() => made is not null);
        await using var db = _work.Db();
        var sibling = await db.Messages.SingleAsync(m => m.Id == made, Test);
        Assert.Equal((right, _reply.ParentId, _reply.Id), (sibling.Text, sibling.ParentId, sibling.CorrectsId!.Value));
        Assert.Empty(await db.Drafts.ToListAsync(Test));
    }

    [Fact]
    public async Task A_correction_that_changes_nothing_or_says_nothing_is_refused_with_a_sentence()
    {
        var reading = _page.JSInterop.Setup<string?>("moss.read", _ => true);
        var editor = _page.Render<CorrectionEditor>(p => p.Add(e => e.Reply, _reply));
        foreach (var (text, says) in new[] { (_reply.Text, "exactly what the reply says"), ("  ", "cannot be empty") })
        {
            reading.SetResult(text);
            await editor.Find("[data-test=correction-submit]").ClickAsync(new());
            editor.WaitForAssertion(() => Assert.Contains(says, editor.Find("[data-test=correction-error]").TextContent));
        }
        await using var db = _work.Db();
        Assert.Empty(await db.Judgements.ToListAsync(Test));
    }

    [Fact]
    public async Task A_flag_stores_its_reason_and_comment()
    {
        var done = false;
        var form = _page.Render<FlagForm>(p => p.Add(f => f.MessageId, _reply.Id).Add(f => f.OnDone, () => done = true));
        await form.Find("select").ChangeAsync(new() { Value = "harmful" });
        await form.Find("input").ChangeAsync(new() { Value = "look at the second half" });
        await form.Find("form").SubmitAsync();
        await Until.TrueAsync(() => done);
        await using var db = _work.Db();
        var flag = await db.Judgements.OfType<Flag>().SingleAsync(Test);
        Assert.Equal(("harmful", "look at the second half"), (flag.Category, flag.Comment));
    }

    [Fact]
    public async Task An_account_that_was_disabled_judges_no_more_though_its_page_is_still_open()
    {
        await using (var db = _work.Db())
            await db.Users.ExecuteUpdateAsync(u => u.SetProperty(x => x.LockoutEnd, TimeProvider.System.GetUtcNow().AddYears(50)), Test);
        await Assert.ThrowsAsync<NotAllowedException>(() => _work.Get<Judge>().RateAsync(_reply.Id, Guid.CreateVersion7(), 5, null, Test));
        var tools = await ToolsAsync();
        await tools.Find("[data-test=rate-4]").ClickAsync(new());
        tools.WaitForAssertion(() => Assert.Contains("sign in again", tools.Find("[data-test=judge-error]").TextContent));
    }

    [Fact]
    public async Task Why_says_that_nobody_taught_a_checkpoint_made_without_judgements()
    {
        var panel = _page.Render<WhyPanel>(p => p.Add(w => w.MessageId, _reply.Id));
        panel.WaitForAssertion(() => Assert.Contains("starter", panel.Find("[data-test=why-checkpoint]").TextContent), TimeSpan.FromSeconds(3));
        Assert.NotNull(panel.Find("[data-test=why-nobody]"));
        await Task.CompletedTask;
    }

    private async Task<IRenderedComponent<ReplyTools>> ToolsAsync()
    {
        await using var db = _work.Db();
        var open = await db.OpenAsync(_reply.ConversationId, Test);
        var me = await _work.Get<SignedIn>().AnnotatorAsync(Test);
        return _page.Render<ReplyTools>(p => p.Add(t => t.Message, open!.Messages.Single(m => m.Id == _reply.Id)).Add(t => t.In, open).Add(t => t.Me, me.Id));
    }

    private async Task<List<Rating>> RatingsAsync()
    {
        await using var db = _work.Db();
        return await db.Judgements.OfType<Rating>().ToListAsync(Test);
    }

    public async ValueTask DisposeAsync()
    {
        await _page.DisposeAsync();
        await _work.DisposeAsync();
    }
}
