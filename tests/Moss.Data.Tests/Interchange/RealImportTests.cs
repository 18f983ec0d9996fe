using Microsoft.EntityFrameworkCore;
using Moss.Data.Conversations;
using Moss.Data.Datasets;
using Moss.Data.Interchange;
using Moss.Data.Judgements;

namespace Moss.Data.Tests.Interchange;

public sealed class RealImportTests(Database database) : DatabaseTest(database)
{
    [Fact]
    public async Task The_1120_MOSS_conversations_come_in_whole_once_and_can_be_rebuilt()
    {
        var path = SharedData.MossSft;
        await using var db = Data.CreateDbContext();
        var first = await Importing.ImportAsync(db, path, "auto", "moss-sft", null, null, Test);
        var second = await Importing.ImportAsync(db, path, "moss", "moss-sft", null, null, Test);
        TestContext.Current.TestOutputHelper?.WriteLine($"import {first.Seconds:0.00} s, again {second.Seconds:0.00} s\n{first.ToJson()}");

        Assert.Equal(("moss", 1_120, 1_120, 0, 0, 9_666), (first.Format, first.Conversations, first.Added, first.Skipped, first.Rejected, first.Messages));
        Assert.Equal((1_120, 0, 1_120, 0), (second.Conversations, second.Added, second.Skipped, second.Messages));
        Assert.Equal((1_020, 1_120, 1_120), (first.DroppedFields["category"], first.DroppedFields["conversation_id"], first.DerivedFields["title"]));
        var mine = db.Messages.Where(m => m.Conversation.ProjectId == db.Projects.Single(p => p.Name == "moss-sft").Id);
        var roles = await mine.GroupBy(m => m.Role).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count, Test);
        Assert.Equal((1_120, 4_273, 4_273), (roles[Role.System], roles[Role.Human], roles[Role.Moss]));
        Assert.Equal(3, await mine.CountAsync(m => m.Text.Contains("<eor>"), Test));

        // Every segment of every conversation can be put together again, byte for byte.
        var stored = (await db.Conversations.AsNoTracking().Include(c => c.Messages)
            .Where(c => mine.Any(m => m.ConversationId == c.Id)).ToListAsync(Test)).ToDictionary(c => c.SourceKey![..64]);
        foreach (var line in await File.ReadAllLinesAsync(path, Test))
        {
            var conversation = stored[DatasetContent.Sha256(line)];
            using var json = System.Text.Json.JsonDocument.Parse(line);
            var messages = conversation.Messages.OrderBy(m => m.CreatedAt).ToList();
            Assert.Equal(json.RootElement.GetProperty("meta_instruction").GetString(), messages[0].Text);
            var original = json.RootElement.GetProperty("chat").EnumerateObject().SelectMany(t => t.Value.EnumerateObject().Select(s => s.Value.GetString()));
            var rebuilt = messages.Skip(1).Chunk(2).SelectMany(turn => (string?[])
                [$"<|Human|>: {turn[0].Text}<eoh>\n", turn[1].Thoughts, turn[1].Commands, turn[1].Results, $"<|MOSS|>: {turn[1].Text}<eom>\n"]);
            Assert.Equal(original, rebuilt);
        }
    }

    [Fact]
    public async Task The_100_OASST_trees_come_in_with_their_ranks_as_rankings()
    {
        await using var db = Data.CreateDbContext();
        var report = await Importing.ImportAsync(db, SharedData.Oasst, "auto", "oasst", null, null, Test);
        var again = await Importing.ImportAsync(db, SharedData.Oasst, "oasst", "oasst", null, null, Test);

        Assert.Equal(("oasst", 100, 1_167), (report.Format, report.Added, report.Messages));
        Assert.Equal((0, 100, 0), (again.Added, again.Skipped, again.Messages));
        Assert.Equal((863, 22), (report.DroppedFields["message.emojis"], report.DroppedFields["message.model_name"]));

        var project = await db.Projects.SingleAsync(p => p.Name == "oasst", Test);
        var messages = await db.Messages.AsNoTracking().Where(m => m.Conversation.ProjectId == project.Id).ToListAsync(Test);
        var parents = messages.Select(m => m.ParentId).ToHashSet();
        Assert.Equal((687, 480, 626, 641), (messages.Count(m => m.Role == Role.Moss), messages.Count(m => m.Role == Role.Human),
            messages.Count(m => !parents.Contains(m.Id)), messages.Count(m => m.SourceRank is not null)));

        // The rankings hold exactly the 754 pairs that the ranks of the file hold.
        var ranks = messages.ToDictionary(m => m.Id, m => m.SourceRank);
        var rankings = await db.Judgements.OfType<Ranking>().AsNoTracking().ToListAsync(Test);
        Assert.Equal(rankings.Count, report.Judgements);
        Assert.All(rankings, r => Assert.Equal(r.Order.OrderBy(id => ranks[id]), r.Order));
        Assert.Equal(754, rankings.Sum(r => r.Order.Length * (r.Order.Length - 1) / 2));
        Assert.Equal(["OASST consensus"], await db.Annotators.Where(a => rankings.Select(r => r.AnnotatorId).Contains(a.Id)).Select(a => a.DisplayName).ToListAsync(Test));
    }

    [Fact]
    public async Task The_samples_come_in_and_freeze_into_a_version_with_a_held_out_slice()
    {
        await using var db = Data.CreateDbContext();
        var report = await Importing.ImportAsync(
            db, Path.Combine(SharedData.Repository(), "samples/conversations.jsonl"), "auto", "samples", null, null, Test);
        var project = await db.Projects.SingleAsync(p => p.Name == "samples", Test);
        var version = await db.FreezeAsync(project.Id, null, new FreezeRule(), null, Test);

        Assert.Equal("openai", report.Format);
        Assert.Equal(report.Conversations, version.TrainCount + version.EvalCount);
        Assert.InRange(version.EvalCount, report.Conversations * 0.03, report.Conversations * 0.2);
    }
}
