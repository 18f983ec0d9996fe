using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Moss.EndToEnd.Tests;

/// <summary>Somebody with a browser: what they click, type and see, by the names the pages give their controls.</summary>
public sealed class Person(IPage page, RunningMoss moss)
{
    public IPage Page { get; } = page;

    public ILocator The(string test) => Page.Locator($"[data-test='{test}']");

    /// <summary>Opens a page and waits until it answers clicks, not only until it shows.</summary>
    public async Task OpenAsync(string path)
    {
        await Page.GotoAsync(path);
        await InteractiveAsync();
    }

    public async Task SignInAsync(string name, string password)
    {
        await Page.GotoAsync("/Account/Login");
        await SubmitSignInAsync(name, password);
    }

    /// <summary>Fills in the sign-in page that is open.</summary>
    public async Task SubmitSignInAsync(string name, string password)
    {
        await The("login-name").FillAsync(name);
        await The("login-password").FillAsync(password);
        await The("login-submit").ClickAsync();
        await InteractiveAsync();
    }

    /// <summary>Says something and does not wait for what comes of it.</summary>
    public async Task SayAsync(string text)
    {
        await The("message-input").FillAsync(text);
        await The("send").ClickAsync();
    }

    /// <summary>Asks in the open conversation and waits for the whole reply.</summary>
    public async Task<string> AskAsync(string question)
    {
        var before = await The("message-text").CountAsync();
        await SayAsync(question);
        await Expect(The("message-text")).ToHaveCountAsync(before + 2);
        await Expect(The("reply-in-progress")).ToHaveCountAsync(0);
        return await LastReplyAsync();
    }

    /// <summary>What has arrived of the reply under way, once there is at least this much of it.</summary>
    public async Task<string> SeenAsync(int characters)
    {
        var text = The("reply-in-progress").Locator(".m-streaming");
        await Page.WaitForFunctionAsync(
            "n => (document.querySelector('[data-test=reply-in-progress] .m-streaming')?.textContent.length ?? 0) >= n", characters, new() { Timeout = 60_000 });
        return (await text.TextContentAsync() ?? "").Trim();
    }

    public async Task<string> LastReplyAsync() => (await The("message-text").Last.InnerTextAsync()).Trim();

    /// <summary>Keeps a picture of the page; under MOSS_SCREENSHOTS (a folder), or beside the installation's logs.</summary>
    public Task PictureAsync(string name, bool whole = false) => Page.ScreenshotAsync(new()
    {
        Path = Path.Combine(Environment.GetEnvironmentVariable("MOSS_SCREENSHOTS") ?? Path.Combine(moss.State, "screenshots"), name + ".png"),
        FullPage = whole,
    });

    /// <summary>Waits until Blazor's circuit is up: before that a click goes nowhere.</summary>
    /// <returns>Milliseconds from the start of the navigation until then, by the browser's own clock.</returns>
    public async Task<double> InteractiveAsync()
    {
        var seen = await Page.WaitForFunctionAsync("() => document.querySelector('[data-interactive=\"true\"]') !== null && performance.now()");
        var milliseconds = await seen.JsonValueAsync<double>();
        TestContext.Current.TestOutputHelper?.WriteLine($"{new Uri(Page.Url).AbsolutePath} was interactive {milliseconds:0} ms after its navigation began");
        return milliseconds;
    }
}
