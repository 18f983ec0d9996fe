using Microsoft.Playwright;

namespace Moss.EndToEnd.Tests;

/// <summary>The distribution's own Chromium, driven as a person drives it. Nothing is downloaded.</summary>
public sealed class Browser : IAsyncDisposable
{
    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;

    private Browser(IPlaywright playwright, IBrowser browser) => (_playwright, _browser) = (playwright, browser);

    public static async Task<Browser> StartAsync()
    {
        var path = Chromium() ?? throw new InvalidOperationException(
            "The browser tests need Chromium, and none is in PATH. ./moss test installs it by apt where it can; otherwise install the package 'chromium'.");
        Assertions.SetDefaultExpectTimeout(30_000); // a killed program is back in a few seconds, on a busy machine later
        var playwright = await Playwright.CreateAsync();
        return new Browser(playwright, await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = path,
            // The first is needed as root; the others keep the browser from calling home.
            Args = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
        }));
    }

    /// <summary>A person at a browser of their own: cookies and language apart from everyone else's.</summary>
    public async Task<Person> PersonAsync(RunningMoss moss, string language = "en", bool dark = false, int width = 1280, int height = 860)
    {
        var context = await _browser.NewContextAsync(new()
        {
            BaseURL = moss.Portal.ToString(), Locale = language, ViewportSize = new() { Width = width, Height = height },
            ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
        });
        context.SetDefaultTimeout(20_000);
        return new Person(await context.NewPageAsync(), moss);
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }

    private static string? Chromium() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .SelectMany(folder => new[] { "chromium", "chromium-browser", "google-chrome" }.Select(name => Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);
}
