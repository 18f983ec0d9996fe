using Microsoft.EntityFrameworkCore;
using Moss.Data.Conversations;
using Moss.Data.Drafts;
using Moss.Data.Judgements;

namespace Moss.Data.Tests.Conversations;

public sealed class ConversationTests(Database database) : DatabaseTest(database)
{
    [Fact]
    public async Task What_is_said_is_stored_word_for_word_and_the_path_leads_from_the_system_text_to_it()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync(), await Data.CheckpointAsync());
        const string question = "  Wer führte Regie?\n《黑客帝国》\t👩‍🚀 e\u0301  ";
        var (conversation, asked, reply) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, question, "Nobody.", system: "You are MOSS.");

        await using var db = Data.CreateDbContext();
        var path = await db.PathAsync(reply.Id, Test);

        Assert.Equal([(Role.System, "You are MOSS."), (Role.Human, question), (Role.Moss, "Nobody.")], path.Select(m => (m.Role, m.Text)));
        Assert.Equal(ada.Id, asked.AuthorId);
        Assert.Equal(moss.Id, path[^1].Generation!.CheckpointId);
        Assert.Equal("stop", path[^1].Generation!.StopReason);
        Assert.Equal(path.Select(m => m.Id), (await db.TreeAsync(conversation, Test)).Select(m => m.Id));
        Assert.Empty(await db.PathAsync(Guid.NewGuid(), Test));
    }

    [Fact]
    public async Task Saying_the_same_twenty_times_at_once_stores_it_once()
    {
        var (project, ada) = (await Data.ProjectAsync(), await Data.HumanAsync());
        var (conversation, message) = (Guid.CreateVersion7(), Guid.CreateVersion7());

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Data.With(async db =>
        {
            await db.StartConversationAsync(conversation, project.Id, ConversationOrigin.Human, "Hi", null, ada.Id, null, "Be kind.", Test);
            await db.SayAsync(message, conversation, null, "Hello", ada.Id, Test);
        })));

        Assert.Equal(2, (await Data.With(db => db.TreeAsync(conversation, Test))).Count); // the system text and the message
        var other = await Assert.ThrowsAsync<MossInputException>(() => Data.With(db => db.SayAsync(message, conversation, null, "Other", ada.Id, Test)));
        Assert.Contains("taken", other.Message);
    }

    [Fact]
    public async Task Two_hundred_messages_in_a_row_are_all_there_in_order()
    {
        var (project, ada) = (await Data.ProjectAsync(), await Data.HumanAsync());
        var conversation = await Data.With(db => db.StartConversationAsync(
            Guid.CreateVersion7(), project.Id, ConversationOrigin.Human, "Hi", null, ada.Id, null, null, Test));
        var (took, last) = (new List<double>(), default(Guid?));
        for (var n = 0; n < 200; n++)
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            last = (await Data.With(db => db.SayAsync(Guid.CreateVersion7(), conversation.Id, last, $"message {n}", ada.Id, Test))).Id;
            took.Add(clock.Elapsed.TotalMilliseconds);
        }
        took.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine($"storing a message: median {took[100]:0.0} ms, p95 {took[190]:0.0} ms");

        Assert.Equal(Enumerable.Range(0, 200).Select(n => $"message {n}"), (await Data.With(db => db.PathAsync(last!.Value, Test))).Select(m => m.Text));
    }

    [Fact]
    public async Task A_message_may_have_64_KB_and_not_one_byte_more()
    {
        var (project, ada) = (await Data.ProjectAsync(), await Data.HumanAsync());
        await using var db = Data.CreateDbContext();
        var conversation = await db.StartConversationAsync(Guid.CreateVersion7(), project.Id, ConversationOrigin.Human, "Hi", null, ada.Id, null, null, Test);
        var longest = new string('é', Message.MaxBytes / 2);

        await db.SayAsync(Guid.CreateVersion7(), conversation.Id, null, longest, ada.Id, Test);

        foreach (var (text, says) in new[] { (longest + "a", "65,537 bytes"), (" \n", "empty"), ("a\0b", "NUL"), ("a\ud800b", "surrogate") })
        {
            var refusal = await Assert.ThrowsAsync<MossInputException>(() => db.SayAsync(Guid.CreateVersion7(), conversation.Id, null, text, ada.Id, Test));
            Assert.Contains(says, refusal.Message);
        }
        var stray = await Assert.ThrowsAsync<MossInputException>(() => db.SayAsync(Guid.CreateVersion7(), Guid.NewGuid(), null, "Hi", ada.Id, Test));
        Assert.Contains("not in the database", stray.Message);
    }

    [Fact]
    public async Task A_reply_grows_until_it_ends_and_then_never_changes()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync(), await Data.CheckpointAsync());
        var (conversation, asked, _) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "Hi", "Hello");
        var id = Guid.CreateVersion7();
        await using var db = Data.CreateDbContext();
        var generation = new Generation { MessageId = id, CheckpointId = moss.Id, Sampling = """{"temperature": 0}""", Seed = 7 };
        await db.BeginReplyAsync(id, conversation, asked.Id, "Go", generation, Test);
        await db.BeginReplyAsync(id, conversation, asked.Id, "Go", generation, Test); // again, after a lost answer

        await db.GrowReplyAsync(id, "Good mor", Test);
        await db.GrowReplyAsync(id, "Good", Test); // came late
        Assert.Equal(("Good mor", MessageState.CutShort), await ReadAsync());

        await db.EndReplyAsync(id, "Good morning", MessageState.Complete, new ReplyOutcome("stop", "t", null, 5, 3, 40, 90, -1.5), Test);
        await db.EndReplyAsync(id, "Good morning!!", MessageState.Complete, new ReplyOutcome("length"), Test);
        await db.GrowReplyAsync(id, "Good morning to all", Test);

        Assert.Equal(("Good morning", MessageState.Complete), await ReadAsync());
        var stored = await db.Generations.AsNoTracking().SingleAsync(g => g.MessageId == id, Test);
        Assert.Equal(("stop", 7L, 5, 3, 40d, 90d, -1.5), (stored.StopReason, stored.Seed, stored.PromptTokens, stored.CompletionTokens,
            stored.FirstTokenMs, stored.TotalMs, stored.SumLogProb));

        async Task<(string, MessageState)> ReadAsync()
        {
            var m = await db.Messages.AsNoTracking().SingleAsync(m => m.Id == id, Test);
            return (m.Text, m.State);
        }
    }

    [Fact]
    public async Task A_stopped_reply_stays_cut_short_and_keeps_what_was_seen()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync(), await Data.CheckpointAsync());
        var (conversation, asked, _) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "Hi", "Hello");
        var (_, reply) = await Data.TurnAsync(conversation, asked.Id, ada.Id, moss.Id, "Tell me a story", "Once upon", MessageState.CutShort);

        await Data.With(db => db.GrowReplyAsync(reply.Id, "Once upon a time", Test));

        var stored = (await Data.With(db => db.PathAsync(reply.Id, Test)))[^1];
        Assert.Equal(("Once upon", MessageState.CutShort, "stopped"), (stored.Text, stored.State, stored.Generation!.StopReason));
    }

    [Fact]
    public async Task What_people_have_seen_of_a_reply_is_never_taken_back()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync(), await Data.CheckpointAsync());
        var (conversation, asked, _) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "Hi", "Hello");
        var id = Guid.CreateVersion7();
        await using var db = Data.CreateDbContext();
        await db.BeginReplyAsync(id, conversation, asked.Id, "Good mor", new Generation { MessageId = id, CheckpointId = moss.Id }, Test);
        await db.GrowReplyAsync(id, "Quite another text", Test);
        await db.EndReplyAsync(id, "Good", MessageState.Complete, new ReplyOutcome("stop_string", TotalMs: 1), Test);

        var stored = await db.Messages.AsNoTracking().SingleAsync(m => m.Id == id, Test);
        Assert.Equal(("Good mor", MessageState.Complete), (stored.Text, stored.State));
    }

    [Fact]
    public async Task What_a_model_says_is_stored_even_when_it_is_not_quite_text()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync(), await Data.CheckpointAsync());
        var (conversation, asked, _) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "Hi", "Hello");
        var id = Guid.CreateVersion7();
        await using var db = Data.CreateDbContext();
        await db.BeginReplyAsync(id, conversation, asked.Id, "a\0b\ud83d", new Generation { MessageId = id, CheckpointId = moss.Id }, Test);
        await db.GrowReplyAsync(id, "a\0b\ud83d\ude00", Test);
        await db.EndReplyAsync(id, "a\0b\ud83d\ude00" + new string('x', 70_000), MessageState.Complete, new ReplyOutcome("length"), Test);

        var stored = await db.Messages.AsNoTracking().SingleAsync(m => m.Id == id, Test);
        Assert.StartsWith("a\uFFFDb😀xxx", stored.Text, StringComparison.Ordinal);
        Assert.Equal(Message.MaxBytes, System.Text.Encoding.UTF8.GetByteCount(stored.Text));
    }

    [Fact]
    public async Task Conversations_are_found_by_title_and_text_newest_first()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync("Grace"), await Data.CheckpointAsync());
        await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "First 100% sure", "yes");
        await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "Second", "The 黑客帝国 film");

        await using var db = Data.CreateDbContext();
        var judged = (await db.TreeAsync((await db.ConversationsAsync(project.Id, "Second", null, 0, 1, Test))[0].Id, Test))[^1];
        await db.RateAsync(judged.Id, ada.Id, Guid.NewGuid(), 5, null, null, Test);
        var all = await db.ConversationsAsync(project.Id, null, null, 0, 10, Test);
        Assert.Equal([("Second", "Grace", 2, 1), ("First 100% sure", "Grace", 2, 0)], all.Select(c => (c.Title, c.CreatedBy, c.Messages, c.Judgements)));
        Assert.Equal("Second", Assert.Single(await db.ConversationsAsync(project.Id, "黑客", ConversationOrigin.Human, 0, 10, Test)).Title);
        Assert.Equal("First 100% sure", Assert.Single(await db.ConversationsAsync(project.Id, "0% S", null, 0, 10, Test)).Title);
        Assert.Empty(await db.ConversationsAsync(project.Id, "_", null, 0, 10, Test));
        Assert.Empty(await db.ConversationsAsync(project.Id, null, ConversationOrigin.Import, 0, 10, Test));
        Assert.Single(await db.ConversationsAsync(project.Id, null, null, 1, 1, Test));
    }

    [Fact]
    public async Task Of_two_drafts_of_one_place_the_newer_number_stands()
    {
        var ada = await Data.HumanAsync();
        await using var db = Data.CreateDbContext();

        Assert.True(await db.SaveDraftAsync(ada.Id, "say:1", "Hel", 2, Test));
        Assert.False(await db.SaveDraftAsync(ada.Id, "say:1", "He", 1, Test));
        Assert.Equal("Hel", (await db.DraftAsync(ada.Id, "say:1", Test))!.Text);
        await db.ClearDraftAsync(ada.Id, "say:1", Test);
        Assert.Null(await db.DraftAsync(ada.Id, "say:1", Test));
    }
}
