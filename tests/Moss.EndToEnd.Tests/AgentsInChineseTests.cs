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

    // The small model may say its last answer again, which is a reason to stop like any other.
    private static readonly Dictionary<string, string> Reasons = new() { ["script_finished"] = "脚本已完成", ["loop"] = "MOSS 重复作答" };

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_agent_asks_about_films_and_the_pages_speak_Chinese()
    {
        var project = await moss.WithAsync(db => db.EnsureProjectAsync(ProjectName, TimeProvider.System.GetUtcNow(), Test));
        await using var browser = await Browser.StartAsync();
        var wei = await browser.NewcomerAsync(moss, "小薇", Roles.Researcher, "zh-Hans");
        await wei.OpenAsync("/agent-runs");
        await Expect(wei.The("agent-run-start")).ToBeEnabledAsync();
        await wei.The("project").SelectOptionAsync(ProjectName);
        await Expect(wei.The("no-agent-runs")).ToContainTextAsync("还没有智能体运行");

        await wei.The("agent-run-start").ClickAsync();
        await wei.The("agent-run-sample-films-zh").ClickAsync();
        await Expect(wei.The("agent-run-summary")).ToContainTextAsync("films-zh");
        await wei.The("agent-run-submit").ClickAsync();
        await Expect(wei.The("agent-run-row")).ToHaveAttributeAsync("data-state", "Succeeded", new() { Timeout = 60_000 });
        var run = await moss.WithAsync(db => db.AgentRuns.AsNoTracking().SingleAsync(r => r.ProjectId == project.Id, Test));
        await Expect(wei.The("agent-run-turns")).ToHaveTextAsync($"{run.Turn} / 5");
        await Expect(wei.The("agent-run-checks")).ToContainTextAsync($"{run.ChecksPassed} 项通过");
        await Expect(wei.The("agent-run-reason")).ToHaveTextAsync(Reasons[run.StopReason!]);
        await wei.PictureAsync("agent-runs");

        await wei.The("agent-run-conversation").ClickAsync();
        await Expect(wei.The("origin")).ToBeVisibleAsync();
        await Expect(wei.The("message-text")).ToHaveCountAsync(2 * run.Turn);
        await Expect(wei.The("message-text").First).ToHaveTextAsync("《卧虎藏龙》是谁导演的？");
        await wei.PictureAsync("conversations-zh");
        await AssertCheckedAsync(run);

        foreach (var (page, title) in new[] { ("conversations", "对话"), ("training", "训练"), ("checkpoints", "检查点"), ("agent-runs", "智能体运行") })
        {
            await wei.OpenAsync("/" + page);
            await Expect(wei.Page.Locator("html")).ToHaveAttributeAsync("lang", "zh-Hans");
            await Expect(wei.The("nav-" + page)).ToHaveTextAsync(title);
            await Expect(wei.Page.Locator("h1").First).ToHaveTextAsync(title);
        }
    }

    /// <summary>Every turn was checked, and the agent's name stands on every judgement.</summary>
    private async Task AssertCheckedAsync(AgentRun run)
    {
        Assert.True(run.Turn >= 3 && run.ChecksPassed >= 4 && run.ChecksPassed + run.ChecksFailed >= 5, $"{run.Turn} turns, {run.ChecksPassed} checks passed, {run.ChecksFailed} failed");
        var judges = await moss.WithAsync(db => (
            from j in db.Judgements
            join m in db.Messages on j.MessageId equals m.Id
            join c in db.Conversations on m.ConversationId equals c.Id
            join a in db.Annotators on j.AnnotatorId equals a.Id
            where c.AgentRunId == run.Id
            select a.Kind).Distinct().ToListAsync(Test));
        Assert.Equal([AnnotatorKind.Agent], judges);
    }
}
