using Microsoft.EntityFrameworkCore;
using Moss.Data.Annotators;
using Moss.Data.Conversations;
using static Microsoft.Playwright.Assertions;

namespace Moss.EndToEnd.Tests;

/// <summary>What a person may not do is said in a sentence, and what they typed stays theirs.</summary>
public sealed class WhatIsRefusedTests(RunningMoss moss)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_session_that_ended_is_said_and_the_typed_text_is_there_after_signing_in()
    {
        await using var browser = await Browser.StartAsync();
        var pia = await browser.NewcomerAsync(moss, "Pia", Roles.Annotator);
        await pia.AskAsync("What is the capital of France?");
        var conversation = pia.Page.Url;

        await EndSessionsAsync("Pia");
        const string first = "A text typed into a page whose session has ended.";
        await pia.SayAsync(first);
        await Expect(pia.The("send-error")).ToContainTextAsync("session has ended");
        await Expect(pia.The("message-input")).ToHaveValueAsync(first);
        await pia.The("sign-in-again").ClickAsync();
        await pia.SignInAgainAsync("Pia");
        await Expect(pia.Page).ToHaveURLAsync(conversation);
        await Expect(pia.The("message-input")).ToHaveValueAsync(first);

        const string second = "Another one, and the browser has forgotten who I am.";
        await pia.The("message-input").FillAsync(second);
        await pia.Page.Context.ClearCookiesAsync(new() { Name = "moss.session" });
        await pia.Page.ReloadAsync();
        await Expect(pia.The("sign-in-first")).ToContainTextAsync("session has ended");
        await pia.SignInAgainAsync("Pia");
        await Expect(pia.Page).ToHaveURLAsync(conversation);
        await Expect(pia.The("message-input")).ToHaveValueAsync(second);
        Assert.NotEmpty(await pia.AskAsync(second));
    }

    [Fact]
    public async Task A_message_of_more_than_64_KB_is_refused_before_it_is_sent()
    {
        await using var browser = await Browser.StartAsync();
        var rui = await browser.NewcomerAsync(moss, "Rui", Roles.Annotator);
        var before = await moss.WithAsync(db => db.Messages.CountAsync(Test));

        var tooLong = new string('a', Message.MaxBytes + 1);
        await rui.SayAsync(tooLong);
        await Expect(rui.The("too-long")).ToContainTextAsync("65,537 bytes; a message holds at most 65,536");
        await Expect(rui.The("message-input")).ToHaveValueAsync(tooLong);
        Assert.Equal(before, await moss.WithAsync(db => db.Messages.CountAsync(Test)));

        await rui.SayAsync(tooLong[1..]); // the longest that is taken
        await Expect(rui.The("message-text").First).ToBeVisibleAsync();
        Assert.Equal(Message.MaxBytes, (await moss.WithAsync(db => db.Messages.Where(m => m.Role == Role.Human).OrderByDescending(m => m.CreatedAt).FirstAsync(Test))).Text.Length);
    }

    [Fact]
    public async Task Whoever_lacks_a_role_is_told_so()
    {
        await using var browser = await Browser.StartAsync();
        var sol = await browser.NewcomerAsync(moss, "Sol", Roles.Annotator);
        foreach (var page in new[] { "/training", "/checkpoints", "/agent-runs", "/users", "/hangfire" })
        {
            await sol.Page.GotoAsync(page);
            await Expect(sol.The("denied")).ToContainTextAsync("your roles do not include this page");
        }
    }

    /// <summary>What an administrator who sets another password or disables the account does to open pages.</summary>
    private Task<int> EndSessionsAsync(string name) => moss.WithAsync(db => db.Users.Where(u => u.UserName == name)
        .ExecuteUpdateAsync(user => user.SetProperty(u => u.SecurityStamp, Guid.NewGuid().ToString("N")), Test));
}
