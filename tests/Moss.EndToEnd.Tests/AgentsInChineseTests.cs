using Microsoft.EntityFrameworkCore;
using Moss.Data.AgentRuns;
using Moss.Data.Annotators;
using Moss.Data.Projects;
using static Microsoft.Playwright.Assertions;

namespace Moss.EndToEnd.Tests;

/// <summary>Somebody whose language is Chinese lets an agent talk with MOSS, and reads what they said.</summary>
public sealed class AgentsInChineseTests(RunningMoss moss)
{
    private const string ProjectName = "电影"; // of its own: what the agent corrects would teach in the project of the other tests

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_agent_asks_about_films_and_the_pages_speak_Chinese()
    {
        var project = await moss.WithAsync(db => db.EnsureProjectAsync(ProjectName, TimeProvider.System.GetUtcNow(), Test));
        await using var browser = await Browser.StartAsync();
        var wei = await browser.NewcomerAsync(moss, "小薇", Roles.Researcher, "zh-Hans");
        await wei.The("nav-agent-runs").ClickAsync();
        await wei.The("project").SelectOptionAsync(ProjectName);
        await Expect(wei.The("no-agent-runs")).ToContainTextAsync("还没有智能体运行");

        await wei.The("agent-run-start").ClickAsync();
        await wei.The("agent-run-sample-films-zh").ClickAsync();
        await Expect(wei.The("agent-run-summary")).ToContainTextAsync("films-zh");
        await wei.The("agent-run-submit").ClickAsync();
        await Expect(wei.The("agent-run-row")).ToHaveAttributeAsync("data-state", "Succeeded", new() { Timeout = 60_000 });
        await Expect(wei.The("agent-run-turns")).ToHaveTextAsync("5 / 5");
        await Expect(wei.The("agent-run-checks")).ToContainTextAsync("项通过");
        await Expect(wei.The("agent-run-reason")).ToHaveTextAsync("脚本已完成");
        await wei.PictureAsync("agent-runs");

        await wei.The("agent-run-conversation").ClickAsync();
        await Expect(wei.The("origin")).ToBeVisibleAsync();
        await Expect(wei.The("message-text")).ToHaveCountAsync(10);
        await Expect(wei.The("message-text").First).ToHaveTextAsync("《卧虎藏龙》是谁导演的？");
        await wei.PictureAsync("conversations-zh");
        await AssertCheckedAsync(project.Id);

        foreach (var (page, title) in new[] { ("conversations", "对话"), ("training", "训练"), ("checkpoints", "检查点"), ("agent-runs", "智能体运行") })
        {
            await wei.OpenAsync("/" + page);
            await Expect(wei.Page.Locator("html")).ToHaveAttributeAsync("lang", "zh-Hans");
            await Expect(wei.The("nav-" + page)).ToHaveTextAsync(title);
            await Expect(wei.Page.Locator("h1").First).ToHaveTextAsync(title);
        }
    }

    /// <summary>The row counts what the page said, and an agent's name stands on every check.</summary>
    private async Task AssertCheckedAsync(Guid project)
    {
        var run = await moss.WithAsync(db => db.AgentRuns.AsNoTracking().SingleAsync(r => r.ProjectId == project, Test));
        Assert.Equal(9, run.ChecksPassed + run.ChecksFailed);
        Assert.True(run.ChecksPassed >= 8, $"{run.ChecksFailed} checks failed"); // all but the one that the starter gets wrong
        var judges = await moss.WithAsync(db => (
            from j in db.Judgements
            join m in db.Messages on j.MessageId equals m.Id
            join c in db.Conversations on m.ConversationId equals c.Id
            join a in db.Annotators on j.AnnotatorId equals a.Id
            where c.ProjectId == project
            select a.Kind).Distinct().ToListAsync(Test));
        Assert.Equal([AnnotatorKind.Agent], judges);
    }
}
