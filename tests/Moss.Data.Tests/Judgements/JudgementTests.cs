using Microsoft.EntityFrameworkCore;
using Moss.Data.Conversations;
using Moss.Data.Judgements;

namespace Moss.Data.Tests.Judgements;

public sealed class JudgementTests(Database database) : DatabaseTest(database)
{
    [Fact]
    public async Task One_client_key_twenty_times_at_once_is_one_judgement()
    {
        var (ada, reply) = await ReplyAsync();
        var key = Guid.NewGuid();

        var rows = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ =>
            Data.With(db => db.RateAsync(reply.Id, ada, key, 4, "good", 1_200, Test))));

        Assert.Single(rows.Select(r => r.Id).Distinct());
        Assert.Single(await Data.With(db => db.Judgements.Where(j => j.MessageId == reply.Id).ToListAsync(Test)));
    }

    [Fact]
    public async Task Rating_again_supersedes_and_keeps_the_earlier_one()
    {
        var (ada, reply) = await ReplyAsync();
        await Task.WhenAll(Enumerable.Range(1, 5).Select(score =>
            Data.With(db => db.RateAsync(reply.Id, ada, Guid.NewGuid(), score, null, null, Test))));
        await Data.With(db => db.RateAsync(reply.Id, ada, Guid.NewGuid(), 5, null, null, Test, Rating.Check));

        await using var db = Data.CreateDbContext();
        Assert.Equal(6, await db.Judgements.CountAsync(j => j.MessageId == reply.Id, Test));
        Assert.Equal([Rating.Check, Rating.Overall], (await db.JudgementsAsync([reply.Id], Test)).Cast<Rating>().Select(r => r.Attribute).Order());
    }

    [Fact]
    public async Task A_correction_is_a_sibling_of_the_reply_and_counts_once()
    {
        var (ada, reply) = await ReplyAsync();
        var key = Guid.NewGuid();

        var rows = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ =>
            Data.With(db => db.CorrectAsync(reply.Id, ada, key, "Lana and Lilly Wachowski.", "fact", null, null, Test))));

        Assert.Single(rows.Select(r => r.Id).Distinct());
        await using var db = Data.CreateDbContext();
        var sibling = await db.Messages.AsNoTracking().SingleAsync(m => m.CorrectsId == reply.Id, Test);
        Assert.Equal((reply.ParentId, Role.Moss, ada, "Lana and Lilly Wachowski."), (sibling.ParentId, sibling.Role, sibling.AuthorId, sibling.Text));
        Assert.Equal(sibling.Id, rows[0].CorrectionMessageId);
    }

    [Fact]
    public async Task What_cannot_be_judged_is_refused_in_a_sentence_and_leaves_nothing()
    {
        var (ada, reply) = await ReplyAsync();
        await using var db = Data.CreateDbContext();
        var before = await db.Messages.CountAsync(Test);

        await RefusedAsync("1 to 5", () => db.RateAsync(reply.Id, ada, Guid.NewGuid(), 6, null, null, Test));
        await RefusedAsync("1 to 5", () => db.RateAsync(reply.Id, ada, Guid.NewGuid(), double.NaN, null, null, Test));
        await RefusedAsync("Only MOSS's replies", () => db.RateAsync(reply.ParentId!.Value, ada, Guid.NewGuid(), 3, null, null, Test));
        await RefusedAsync("no message", () => db.RateAsync(Guid.NewGuid(), ada, Guid.NewGuid(), 3, null, null, Test));
        await RefusedAsync("exactly what the reply says", () => db.CorrectAsync(reply.Id, ada, Guid.NewGuid(), reply.Text, null, null, null, Test));
        await RefusedAsync("empty", () => db.CorrectAsync(reply.Id, ada, Guid.NewGuid(), "  ", null, null, null, Test));
        await RefusedAsync("64 KB", () => db.CorrectAsync(reply.Id, ada, Guid.NewGuid(), new string('x', 65_537), null, null, null, Test));
        await RefusedAsync("wrong, harmful", () => db.FlagAsync(reply.Id, ada, Guid.NewGuid(), "ugly", null, Test));
        await RefusedAsync("8,192", () => db.FlagAsync(reply.Id, ada, Guid.NewGuid(), "wrong", new string('x', 8_193), Test));

        Assert.Equal((before, 0), (await db.Messages.CountAsync(Test), await db.Judgements.CountAsync(j => j.MessageId == reply.Id, Test)));
    }

    [Fact]
    public async Task A_key_that_was_used_for_another_judgement_is_refused()
    {
        var (ada, reply) = await ReplyAsync();
        var key = Guid.NewGuid();
        await Data.With(db => db.FlagAsync(reply.Id, ada, key, "wrong", "it is", Test));

        await RefusedAsync("taken", () => Data.With(db => db.RateAsync(reply.Id, ada, key, 3, null, null, Test)));
    }

    private static async Task RefusedAsync(string says, Func<Task> deed) =>
        Assert.Contains(says, (await Assert.ThrowsAsync<MossInputException>(deed)).Message);

    private async Task<(Guid Annotator, Message Reply)> ReplyAsync()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync(), await Data.CheckpointAsync());
        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "Who directed The Matrix?", "Steven Spielberg.");
        return (ada.Id, reply);
    }
}
