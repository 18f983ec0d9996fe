using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Moss.Annotate.Features.Checkpoints;
using Moss.Annotate.Tests.Loop;
using Moss.Annotate.Tests.Setup;
using Moss.Data.Checkpoints;
using Moss.Data.Deployments;

namespace Moss.Annotate.Tests.Checkpoints;

public sealed class CheckpointPagesTests(PostgresServer server) : LoopTest(server)
{
    [Fact]
    public async Task The_list_names_parent_version_and_gain_and_what_serves()
    {
        await Story.TellAsync(Test);
        var page = Render<CheckpointsPage>();
        page.Until(() => page.FindAll("[data-test='checkpoint-row']").Count == 4);
        var rows = page.FindAll("[data-test='checkpoint-row']").ToDictionary(r => r.GetAttribute("data-name")!, r => r.TextContent);
        Assert.Contains("v2", rows["sums-1"], StringComparison.Ordinal);
        Assert.Contains("films-1", rows["sums-1"], StringComparison.Ordinal);
        Assert.Contains("1.500 → 0.450", rows["sums-1"], StringComparison.Ordinal);
        Assert.Contains("Serves now", rows["films-1"], StringComparison.Ordinal);
        Assert.Contains("not trained here", rows["starter"], StringComparison.Ordinal);
        Assert.Equal(4, page.FindAll("svg.r-lineage circle").Count);
    }

    [Fact]
    public async Task Servers_show_what_they_really_have_and_why_not_more()
    {
        await Story.TellAsync(Test);
        var page = Render<CheckpointsPage>();
        page.Until(() => page.FindAll("[data-test='server-row']").Count == 3);
        var rows = page.FindAll("[data-test='server-row']").ToDictionary(r => r.GetAttribute("data-url")!, r => r.TextContent);
        Assert.Contains("As deployed", rows["http://127.0.0.1:5081"], StringComparison.Ordinal);
        Assert.Contains("starter", rows["http://gpu-2:5081"], StringComparison.Ordinal);
        Assert.Contains("does not match its manifest", rows["http://gpu-2:5081"], StringComparison.Ordinal);
        Assert.Contains("Silent", rows["http://gpu-3:5081"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deploying_needs_a_reason_and_rolling_back_returns_to_the_one_before()
    {
        await Story.TellAsync(Test);
        var page = Render<CheckpointsPage>();
        page.Press("deploy");
        Assert.True(page.Control("deploy-confirm").HasAttribute("disabled"));
        page.Type("deploy-reason", "Adds, too.");
        page.Press("deploy-confirm");
        page.Says("said", "sums-1 is deployed");
        page.Says("deployment-row", "Adds, too.");
        Assert.Equal("sums-1", await ChampionAsync());

        page.Press("rollback");
        page.Says("rollback-form", "films-1");
        page.Type("deploy-reason", "It forgot the films.");
        page.Press("rollback-confirm");
        page.Says("said", "films-1 is deployed");
        Assert.Equal("films-1", await ChampionAsync());
        Assert.Equal(["deployed", "rolled_back"], await With(db => db.AuditLog.Where(a => a.Who == "Grace").OrderBy(a => a.Id).Select(a => a.Action).ToListAsync(Test)));
    }

    [Fact]
    public async Task A_roll_back_that_someone_else_overtook_changes_nothing()
    {
        await Story.TellAsync(Test);
        var page = Render<CheckpointsPage>();
        page.Press("rollback");
        page.Type("deploy-reason", "Back.");
        await using (var db = Open())
            await db.DeployAsync(Deployment.Champion, (await db.FindCheckpointAsync("sums-1", Test)).Id, "Overtakes.", null, Test);
        page.Press("rollback-confirm");
        page.Says("deploy-refusal", "Meanwhile sums-1 was deployed");
        Assert.Equal("sums-1", await ChampionAsync());
    }

    [Fact]
    public async Task Who_lost_the_role_deploys_nothing()
    {
        await Story.TellAsync(Test);
        var page = Render<CheckpointsPage>();
        page.Press("deploy");
        page.Type("deploy-reason", "Mine.");
        TakeRoleAway();
        page.Press("deploy-confirm");
        page.Says("deploy-refusal", "sign in again");
        Assert.Equal("films-1", await ChampionAsync());
    }

    [Fact]
    public async Task A_checkpoint_lists_what_taught_it_and_a_judgement_the_checkpoints_it_went_into()
    {
        await Story.TellAsync(Test);
        var films = await With(db => db.FindCheckpointAsync("films-1", Test));
        var page = Render<CheckpointPage>(p => p.Add(c => c.Id, films.Id));
        page.Says("taught-count", "Judgements: 8, corrections among them: 2");
        page.Type("taught-search", "Matrix");
        page.Until(() => page.FindAll("[data-test='taught']").Count == 1);
        Assert.Contains("Lana and Lilly Wachowski", page.Find("[data-test='taught'] ins").TextContent, StringComparison.Ordinal);
        var link = page.Find("[data-test='taught-link']").GetAttribute("href")!;
        var conversation = await With(db => db.Conversations.SingleAsync(c => c.Title == "Who directed The Matrix?", Test));
        Assert.StartsWith($"/conversations/{conversation.Id}?message=", link, StringComparison.Ordinal);

        page.Press("went-into");
        page.Says("went-into-list", "films-1");
        page.Says("went-into-list", "sums-1");
        page.Says("ancestor", "starter");
    }

    [Fact]
    public async Task An_unknown_checkpoint_is_a_sentence()
    {
        await Story.BeginAsync(Test);
        var page = Render<CheckpointPage>(p => p.Add(c => c.Id, Guid.NewGuid()));
        page.Until(() => page.Markup.Contains("There is no such checkpoint", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Two_checkpoints_are_compared_and_asked_the_same()
    {
        await Story.TellAsync(Test);
        var (left, right) = (await With(db => db.FindCheckpointAsync("films-1", Test)), await With(db => db.FindCheckpointAsync("sums-1", Test)));
        Server.Answers["films-1"] = "Seven plus five is thirteen.";
        Server.Answers["sums-1"] = "Seven plus five is twelve.";
        Services.GetRequiredService<NavigationManager>().NavigateTo($"/checkpoints/compare?left={left.Id}&right={right.Id}");
        var page = Render<ComparePage>();
        page.Until(() => page.FindAll("[data-test='fact']").Count > 7);
        var facts = page.FindAll("[data-test='fact']").ToDictionary(f => f.Children[0].TextContent, f => (f.Children[1].TextContent, f.Children[2].TextContent));
        Assert.Equal(("v1", "v2"), facts["Dataset version"]);
        Assert.Equal(("0.5500", "0.4500"), facts["Held-out loss after"]);
        Assert.Equal(("5", "3"), facts["epochs"]);
        Assert.Equal(2, page.FindAll(".r-line").Count);

        page.Type("ask-prompt", "What is seven plus five?");
        page.Press("ask-both");
        page.Says("answer-1", "thirteen");
        page.Says("answer-2", "twelve");
        page.Says("answers-verdict", "differ");

        Server.Busy.Add("sums-1");
        page.Press("ask-both");
        page.Says("answer-2", "8 requests wait already");
        page.Says("answer-1", "thirteen");
    }

    private Task<string> ChampionAsync() => With(async db => (await db.CurrentDeploymentAsync(Deployment.Champion, Test))!.Value.Checkpoint.Name);
}
