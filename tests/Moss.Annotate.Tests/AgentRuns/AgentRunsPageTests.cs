using Bunit;
using Microsoft.AspNetCore.Components.Forms;
using Microsoft.EntityFrameworkCore;
using Moss.Annotate.Features.AgentRuns;
using Moss.Annotate.Tests.Loop;
using Moss.Annotate.Tests.Setup;
using Moss.Data.AgentRuns;
using Moss.Data.Training;

namespace Moss.Annotate.Tests.AgentRuns;

public sealed class AgentRunsPageTests(PostgresServer server) : LoopTest(server)
{
    [Fact]
    public async Task A_sample_scenario_is_two_clicks_away()
    {
        await Story.BeginAsync(Test);
        var page = Render<AgentRunsPage>();
        page.Says("no-agent-runs", "Start one of the samples");
        page.Press("agent-run-start");
        page.Press("agent-run-sample-films-zh");
        page.Says("agent-run-summary", "films-zh@1");
        page.Press("agent-run-submit");
        page.Says("said", "films-zh@1 is queued");

        var run = await With(db => db.AgentRuns.SingleAsync(Test));
        Assert.Equal((5, ScenarioSplit.Train, 7L, RunState.Queued), (run.TotalTurns, run.Split, run.Seed, run.State));
        Assert.Equal(ScenarioFile.Read(run.Scenario).Sha256, run.ScenarioSha256);
        Assert.Equal("Grace", await With(db => db.Annotators.Where(a => a.Id == run.RequestedBy).Select(a => a.DisplayName).SingleAsync(Test)));
    }

    [Fact]
    public async Task A_faulty_scenario_names_line_and_column_and_queues_nothing()
    {
        await Story.BeginAsync(Test);
        var page = Render<AgentRunsPage>();
        page.Press("agent-run-start");
        page.Type("agent-run-scenario", LoopStory.Scenario.Replace("numeric, value: 12", "numeric, value: twelve", StringComparison.Ordinal));
        page.Says("agent-run-refusal", "Line 16, column ");
        Assert.True(page.Control("agent-run-submit").HasAttribute("disabled"));
        Assert.Equal(0, await With(db => db.AgentRuns.CountAsync(Test)));
    }

    [Fact]
    public async Task A_file_is_read_and_one_that_is_no_text_is_refused()
    {
        await Story.BeginAsync(Test);
        var page = Render<AgentRunsPage>();
        page.Press("agent-run-start");
        page.Control("agent-run-scenario");
        page.FindComponent<InputFile>().UploadFiles(InputFileContent.CreateFromBinary([0xff, 0xfe, 0xfa], "broken.yaml"));
        page.Says("agent-run-refusal", "broken.yaml is not text in UTF-8");
        page.FindComponent<InputFile>().UploadFiles(InputFileContent.CreateFromText(LoopStory.Scenario, "films.yaml"));
        page.Says("agent-run-summary", "films-en@1");
    }

    [Fact]
    public async Task Runs_show_progress_checks_conversation_and_how_they_ended()
    {
        await Story.TellAsync(Test);
        var page = Render<AgentRunsPage>();
        page.Until(() => page.FindAll("[data-test='agent-run-row']").Count == 3);
        var rows = page.FindAll("[data-test='agent-run-row']").ToDictionary(r => r.GetAttribute("data-state")!, r => r);
        Assert.Contains("3 of 5", rows["Running"].TextContent, StringComparison.Ordinal);
        Assert.Contains("5 passed", rows["Succeeded"].TextContent, StringComparison.Ordinal);
        Assert.Contains("1 failed", rows["Succeeded"].TextContent, StringComparison.Ordinal);
        Assert.Contains("the script is finished", rows["Succeeded"].TextContent, StringComparison.Ordinal);
        Assert.Contains("did not answer for 2 minutes", rows["Failed"].TextContent, StringComparison.Ordinal);
        Assert.StartsWith("/conversations/", rows["Failed"].QuerySelector("[data-test='agent-run-conversation']")!.GetAttribute("href"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Canceling_asks_first_and_then_says_that_it_stops()
    {
        await Story.TellAsync(Test);
        var page = Render<AgentRunsPage>();
        page.Press("agent-run-cancel");
        page.Press("agent-run-cancel-confirm");
        page.Until(() => page.Markup.Contains("Stopping", StringComparison.Ordinal));
        Assert.NotNull((await With(db => db.AgentRuns.SingleAsync(r => r.State == RunState.Running, Test))).CancelRequestedAt);
        Assert.Equal(1, await With(db => db.AuditLog.CountAsync(a => a.Action == "canceled" && a.Who == "Grace", Test)));
    }
}
