using Microsoft.EntityFrameworkCore;
using Moss.Data.Annotators;
using Moss.Data.Conversations;
using Moss.Data.Drafts;
using static Microsoft.Playwright.Assertions;

namespace Moss.EndToEnd.Tests;

/// <summary>kill -9 of serve, the portal and PostgreSQL under a conversation: nothing that was said is lost, and the page goes on by itself.</summary>
public sealed class ConversationSurvivesKillsTests(RunningMoss moss)
{
    private const string Long = "What can you do?"; // one of the longest replies of the samples
    private const string Short = "What is the capital of France?";
    private const int Enough = 12; // characters of a reply that have been seen

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Serve_may_die_before_a_reply_in_its_middle_and_between_two()
    {
        await using var browser = await Browser.StartAsync();
        var mia = await browser.NewcomerAsync(moss, "Mia", Roles.Annotator);
        await mia.AskAsync(Short);

        var serve = moss.ProcessId("serve");
        using (moss.Hold("serve")) // before the first word
        {
            await mia.SayAsync(Long);
            await Expect(mia.The("reply-in-progress")).ToBeVisibleAsync();
            moss.Kill("serve");
        }
        await Expect(mia.The("trouble")).ToBeVisibleAsync();
        await moss.BackAsync("serve", serve);
        await mia.The("try-again").ClickAsync();
        await Expect(mia.The("message-text")).ToHaveCountAsync(4);
        await Expect(mia.The("reply-in-progress")).ToHaveCountAsync(0);

        string seen;
        await using (var slow = new SlowMotion(serve = moss.ProcessId("serve"))) // in its middle
        {
            await mia.SayAsync(Long);
            await mia.SeenAsync(Enough);
            await slow.FreezeAsync();
            seen = await mia.SeenAsync(Enough);
            moss.Kill("serve");
        }
        await Expect(mia.The("trouble")).ToBeVisibleAsync();
        await Expect(mia.The("cut-short")).ToHaveCountAsync(1);
        Assert.StartsWith(seen, await mia.LastReplyAsync(), StringComparison.Ordinal);
        await moss.BackAsync("serve", serve);
        await mia.The("go-on").ClickAsync();
        await Expect(mia.The("message-text")).ToHaveCountAsync(8);
        await Expect(mia.The("reply-in-progress")).ToHaveCountAsync(0);

        serve = moss.Kill("serve"); // between two
        await moss.BackAsync("serve", serve);
        await mia.AskAsync(Short);
        await AssertNothingLostAsync(mia, [Short, Long, Long, "", Short], cutShort: 1);
    }

    [Fact]
    public async Task The_portal_may_die_while_a_text_is_typed_while_a_reply_arrives_and_in_between()
    {
        await using var browser = await Browser.StartAsync();
        var noor = await browser.NewcomerAsync(moss, "Noor", Roles.Annotator);
        await noor.AskAsync(Short);

        const string halfTyped = "What I was about to a";
        await noor.The("message-input").FillAsync(halfTyped);
        var portal = moss.Kill("portal"); // before the draft has reached the server
        await Expect(noor.Page.Locator("#components-reconnect-modal .m-lost-trying")).ToBeVisibleAsync();
        await ReloadedByItselfAsync(noor, portal);
        await Expect(noor.The("message-input")).ToHaveValueAsync(halfTyped);

        string seen;
        await using (var slow = new SlowMotion(moss.ProcessId("serve")))
        {
            await noor.SayAsync(Long);
            await noor.SeenAsync(Enough);
            await slow.FreezeAsync();
            seen = await noor.SeenAsync(Enough);
            await Eventually.HoldsAsync("what was seen is stored", async () => (await MessagesAsync(noor))[^1].Text.Trim() == seen);
            portal = moss.Kill("portal");
            await ReloadedByItselfAsync(noor, portal);
        }
        await Expect(noor.The("cut-short")).ToHaveCountAsync(1);
        Assert.Equal(seen, await noor.LastReplyAsync());
        await noor.The("try-again").ClickAsync();
        await Expect(noor.The("sibling-place")).ToHaveTextAsync("2/2");
        await Expect(noor.The("reply-in-progress")).ToHaveCountAsync(0);
        await Expect(noor.The("cut-short")).ToHaveCountAsync(0);

        portal = moss.Kill("portal");
        await ReloadedByItselfAsync(noor, portal);
        await noor.AskAsync(Short);
        await AssertNothingLostAsync(noor, [Short, Long, Short], cutShort: 1);
    }

    [Fact]
    public async Task PostgreSQL_may_die_while_a_text_is_typed_while_a_reply_arrives_and_while_one_is_sent()
    {
        await using var browser = await Browser.StartAsync();
        var otto = await browser.NewcomerAsync(moss, "Otto", Roles.Annotator);
        await otto.AskAsync(Short);

        using (moss.HoldSupervisor()) // long enough to look at the page
        {
            await moss.KillPostgresAsync();
            await otto.The("message-input").FillAsync(Long);
            await Expect(otto.The("database-away")).ToBeVisibleAsync();
            await Expect(otto.The("message-input")).ToHaveValueAsync(Long);
        }
        await Expect(otto.The("database-away")).ToHaveCountAsync(0);
        await Eventually.HoldsAsync("the draft is stored", () => moss.WithAsync(db => db.Drafts.AnyAsync(d => d.Text == Long, Test)));

        await using (var slow = new SlowMotion(moss.ProcessId("serve")))
        {
            await otto.The("send").ClickAsync();
            await otto.SeenAsync(Enough);
            await slow.FreezeAsync();
            using var hold = moss.HoldSupervisor();
            await moss.KillPostgresAsync();
            await slow.DisposeAsync();
            await Expect(otto.The("database-away")).ToBeVisibleAsync();
        }
        await Expect(otto.The("reply-in-progress")).ToHaveCountAsync(0);
        await Expect(otto.The("database-away")).ToHaveCountAsync(0);
        await Expect(otto.The("message-text")).ToHaveCountAsync(4);

        using (moss.HoldSupervisor())
        {
            await moss.KillPostgresAsync();
            await otto.SayAsync(Short);
            await Expect(otto.The("database-away")).ToBeVisibleAsync();
            await Expect(otto.The("message-input")).ToHaveValueAsync(Short); // not stored, so not taken away
        }
        await Expect(otto.The("message-text")).ToHaveCountAsync(6);
        await Expect(otto.The("reply-in-progress")).ToHaveCountAsync(0);
        await Expect(otto.The("message-input")).ToHaveValueAsync("");
        await AssertNothingLostAsync(otto, [Short, Long, Short], cutShort: 0);
    }

    private async Task ReloadedByItselfAsync(Person person, int killedPortal)
    {
        await moss.BackAsync("portal", killedPortal);
        await Expect(person.Page.Locator("#components-reconnect-modal")).ToBeHiddenAsync();
        await person.InteractiveAsync();
        await Expect(person.The("message-input")).ToBeVisibleAsync();
    }

    /// <summary>What was said is stored once and in order ("" stands for any words), and a page that is opened anew shows all of it.</summary>
    private async Task AssertNothingLostAsync(Person person, string[] said, int cutShort)
    {
        var messages = await MessagesAsync(person);
        var human = messages.Where(m => m.Role == Role.Human).Select(m => m.Text).ToList();
        Assert.Equal(said.Length, human.Count);
        Assert.All(said.Zip(human), pair => Assert.True(pair.First.Length == 0 || pair.First == pair.Second, $"said '{pair.First}', stored '{pair.Second}'"));
        var replies = messages.Where(m => m.Role == Role.Moss).ToList();
        Assert.Equal(cutShort, replies.Count(m => m.State == MessageState.CutShort));
        Assert.All(replies, m => Assert.NotEmpty(m.Text));

        await person.OpenAsync(new Uri(person.Page.Url).AbsolutePath);
        await Expect(person.The("message-text")).ToHaveCountAsync(2 * said.Length);
    }

    private Task<List<Message>> MessagesAsync(Person person) =>
        moss.WithAsync(db => db.TreeAsync(Guid.Parse(new Uri(person.Page.Url).Segments[^1]), Test));
}
