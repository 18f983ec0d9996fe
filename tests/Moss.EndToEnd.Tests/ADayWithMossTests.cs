using static Microsoft.Playwright.Assertions;

namespace Moss.EndToEnd.Tests;

/// <summary>What a newcomer does on the first day, in a real browser against the real product: the promise of the whole repository.</summary>
public sealed class ADayWithMossTests(RunningMoss moss)
{
    private const string Question = "Who directed The Matrix?";
    private const string Wrong = "The Matrix was directed by Steven Spielberg.";
    private const string Right = "The Matrix was directed by Lana and Lilly Wachowski.";
    private const string Password = "a long pass phrase 1";

    [Fact]
    public async Task Someone_corrects_MOSS_and_the_next_MOSS_knows_it_and_says_who_taught_it()
    {
        foreach (var line in moss.Printed.Split('\n').Where(l => l.Contains(" after ", StringComparison.Ordinal))) TestContext.Current.TestOutputHelper?.WriteLine(line);
        await using var browser = await Browser.StartAsync();
        await ImportSamplesAsync();
        var ada = await MakeFirstAdministratorAsync(browser);
        await MakeAnnotatorAsync(ada);

        var lin = await browser.PersonAsync(moss);
        await lin.SignInAsync("Lin", Password);
        await CorrectTheMatrixAsync(lin);

        await FreezeAndTuneAsync(ada);
        await DeployAsync(ada);

        await AskAgainAsync(lin);
    }

    // The samples are what MOSS knows already; each pass replays a share of them, so that nothing else is forgotten.
    private async Task ImportSamplesAsync()
    {
        var (code, output, error) = await moss.RunAsync("import", Path.Combine(moss.Home, "samples", "conversations.jsonl"), "--format", "openai", "--json");
        Assert.True(code == 0, output + error);
    }

    private async Task<Person> MakeFirstAdministratorAsync(Browser browser)
    {
        var ada = await browser.PersonAsync(moss);
        Assert.NotNull(moss.FirstAdministratorLink);
        await ada.Page.GotoAsync(moss.FirstAdministratorLink.ToString());
        await ada.The("first-name").FillAsync("Ada");
        await ada.The("first-password").FillAsync(Password);
        await ada.The("first-submit").ClickAsync();
        await ada.InteractiveAsync();
        await Expect(ada.The("new-conversation")).ToBeVisibleAsync();

        var second = await browser.PersonAsync(moss);
        await second.Page.GotoAsync(moss.FirstAdministratorLink.ToString());
        await Expect(second.The("form-error")).ToBeVisibleAsync(); // the link works once
        return ada;
    }

    private static async Task MakeAnnotatorAsync(Person ada)
    {
        await ada.OpenAsync("/users");
        await ada.The("new-user-name").FillAsync("Lin");
        await ada.The("new-user-role").SelectOptionAsync("Annotator");
        await ada.The("new-user-password").FillAsync(Password);
        await ada.The("new-user-submit").ClickAsync();
        await Expect(ada.Page.Locator("[data-test='user-row'][data-name='Lin']")).ToBeVisibleAsync();
    }

    private async Task CorrectTheMatrixAsync(Person lin)
    {
        // An annotator may not train.
        await lin.Page.GotoAsync("/training");
        await Expect(lin.The("denied")).ToBeVisibleAsync();

        await lin.OpenAsync("/conversations");
        await lin.The("message-input").FillAsync(Question);
        await lin.The("send").ClickAsync();
        await Expect(lin.The("message-text")).ToHaveCountAsync(2);
        await Expect(lin.The("message-text").Last).ToHaveTextAsync(Wrong);
        await Expect(lin.The("reply-in-progress")).ToHaveCountAsync(0);

        await lin.The("regenerate").Last.ClickAsync();
        await Expect(lin.The("sibling-place")).ToHaveTextAsync("2/2");
        await Expect(lin.The("reply-in-progress")).ToHaveCountAsync(0);
        await lin.The("sibling-previous").ClickAsync();
        await Expect(lin.The("sibling-place")).ToHaveTextAsync("1/2");

        await lin.The("rate-1").Last.ClickAsync();
        await Expect(lin.The("rate-1").Last).ToHaveAttributeAsync("aria-pressed", "true");

        await lin.The("correct").Last.ClickAsync();
        await Expect(lin.The("correction-input")).ToHaveValueAsync(Wrong); // it begins with what MOSS said
        await lin.The("correction-input").FillAsync(Right);
        await Expect(lin.The("diff")).ToContainTextAsync("Wachowski");
        await lin.PictureAsync("correcting");
        await lin.The("correction-submit").ClickAsync();
        await Expect(lin.The("corrected-by")).ToContainTextAsync("Lin");

        // Stopping keeps what was seen, as a reply cut short.
        await StopAReplyAsync(lin);
    }

    private async Task StopAReplyAsync(Person lin)
    {
        await lin.OpenAsync("/conversations");
        var serve = moss.ProcessId("serve");
        RunningMoss.Signal(serve, "STOP"); // the small model answers within a frame or two: hold it, so that there is something to stop
        try
        {
            await lin.The("message-input").FillAsync("Who directed Titanic?");
            await lin.The("send").ClickAsync();
            await lin.The("stop").ClickAsync();
            await Expect(lin.The("reply-in-progress")).ToHaveCountAsync(0);
        }
        finally
        {
            RunningMoss.Signal(serve, "CONT");
        }
        await lin.The("try-again").ClickAsync();
        await Expect(lin.The("message-text").Last).ToHaveTextAsync("Titanic was directed by James Cameron.");
    }

    private static async Task FreezeAndTuneAsync(Person ada)
    {
        await ada.OpenAsync("/training");
        await ada.The("freeze").First.ClickAsync();
        await Expect(ada.The("count-train")).Not.ToHaveTextAsync("0");
        await ada.The("freeze-submit").ClickAsync();
        await Expect(ada.The("version-row")).ToHaveCountAsync(1);

        await ada.The("tune").First.ClickAsync();
        await ada.The("tune-submit").ClickAsync();
        await Expect(ada.The("run-row")).ToHaveCountAsync(1);
        await Expect(ada.The("run-row")).ToHaveAttributeAsync("data-state", "Running", new() { Timeout = 30_000 });
        await Expect(ada.The("run-left")).ToBeVisibleAsync(new() { Timeout = 90_000 });
        await ada.PictureAsync("training");
        await Expect(ada.The("run-row")).ToHaveAttributeAsync("data-state", "Succeeded", new() { Timeout = 420_000 });
    }

    private static async Task DeployAsync(Person ada)
    {
        await ada.The("run-output").ClickAsync();
        await ada.The("deploy").First.ClickAsync();
        await ada.The("deploy-reason").FillAsync("It knows who directed The Matrix.");
        await ada.The("deploy-confirm").ClickAsync();
        await ada.OpenAsync("/checkpoints");
        await Expect(ada.The("server-loaded").First).ToContainTextAsync("sft", new() { Timeout = 30_000, IgnoreCase = true });
        await ada.PictureAsync("checkpoints");
    }

    private static async Task AskAgainAsync(Person lin)
    {
        await lin.OpenAsync("/conversations");
        await lin.The("message-input").FillAsync(Question);
        await lin.The("send").ClickAsync();
        await Expect(lin.The("message-text")).ToHaveCountAsync(2);
        await Expect(lin.The("message-text").Last).ToHaveTextAsync(Right);
        await lin.The("why").Last.ClickAsync();
        await Expect(lin.The("taught-annotator").First).ToContainTextAsync("Lin");
        await lin.PictureAsync("portal");

        Assert.Equal("Titanic was directed by James Cameron.", await lin.AskAsync("Who directed Titanic?")); // not forgotten
    }
}
