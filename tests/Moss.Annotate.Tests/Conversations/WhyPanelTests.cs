using Bunit;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Conversations;
using Moss.Annotate.Features.Conversations.Judging;
using Moss.Annotate.Features.Conversations.Talking;
using Moss.Annotate.Tests.Setup;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Conversations;
using Moss.Data.Datasets;
using Moss.Data.Training;

namespace Moss.Annotate.Tests.Conversations;

public sealed class WhyPanelTests(PostgresServer postgres)
{
    private static CancellationToken Test => Xunit.TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_reply_names_the_person_whose_correction_taught_it_and_the_correction_names_the_checkpoint()
    {
        await using var work = await Workplace.CreateAsync(await postgres.CreateAsync());
        await using var page = new BunitContext();
        work.Add(page.Services);
        page.JSInterop.Mode = JSRuntimeMode.Loose;
        var starter = await work.CheckpointAsync();
        var wrong = await work.ReplyAsync(starter);
        var correction = await work.Get<Judge>().CorrectAsync(wrong.Id, Guid.CreateVersion7(), "Lana and Lilly Wachowski.", "fact", null, Test);
        var taught = await TrainAsync(work, wrong.ConversationId, starter);
        var right = await work.ReplyAsync(taught, answer: "Lana and Lilly Wachowski.");

        var panel = page.Render<WhyPanel>(p => p.Add(w => w.MessageId, right.Id));
        panel.WaitForAssertion(() => Assert.Contains(taught.Name, panel.Find("[data-test=why-checkpoint]").TextContent), TimeSpan.FromSeconds(5));
        Assert.Equal(work.User.UserName, panel.Find("[data-test=taught-annotator]").TextContent);
        Assert.NotNull(panel.Find("[data-test=same-question]"));
        Assert.Contains("Ridley", panel.Find("[data-test=taught-by] del").TextContent);
        Assert.Equal($"/conversations/{wrong.ConversationId}?message={wrong.Id}", panel.Find("[data-test=taught-link]").GetAttribute("href"));

        await using var db = work.Db();
        var open = await db.OpenAsync(wrong.ConversationId, Test);
        Assert.Contains(taught.Name, open!.Taught[correction.CorrectionMessageId]);
    }

    private static async Task<Checkpoint> TrainAsync(Workplace work, Guid conversation, Checkpoint starter)
    {
        await using var db = work.Db();
        var project = (await db.Conversations.FindAsync([conversation], Test))!.ProjectId;
        var version = await db.FreezeAsync(project, "v1", new FreezeRule { EvalShare = 0 }, null, Test);
        var run = await db.QueueRunAsync(Guid.CreateVersion7(), project, "sft", "{}", version.Id, starter.Id, 1, null, null, null, Test);
        var attempt = await db.TryClaimAsync(run.Id, TimeSpan.FromMinutes(1), Test);
        var checkpoint = new Checkpoint
        {
            Name = "taught", ParentId = starter.Id, TrainingRunId = run.Id, Kind = CheckpointKind.Full, Family = "qwen3", Folder = "taught",
            ManifestSha256 = $"{Guid.NewGuid():N}{Guid.NewGuid():N}", TemplateSha256 = starter.TemplateSha256, CreatedAt = TimeProvider.System.GetUtcNow(),
        };
        Assert.True(await db.PublishAsync(checkpoint, attempt!.Value, Test));
        return checkpoint;
    }
}
