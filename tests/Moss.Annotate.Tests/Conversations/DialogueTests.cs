using Microsoft.EntityFrameworkCore;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Conversations.Talking;
using Moss.Annotate.Features.Shared;
using Moss.Annotate.Tests.Setup;
using Moss.Data.Conversations;
using Moss.Data.Drafts;

namespace Moss.Annotate.Tests.Conversations;

public sealed class DialogueTests(PostgresServer postgres) : IAsyncLifetime
{
    private ScriptedServe _serve = null!;
    private Workplace _work = null!;
    private Gate _gate = null!;
    private readonly Guid _conversation = Guid.CreateVersion7(), _question = Guid.CreateVersion7();

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _serve = await ScriptedServe.StartAsync();
        _gate = new Gate(await postgres.CreateAsync());
        _work = await Workplace.CreateAsync(_gate.ConnectionString, serve: _serve.Url);
        await _work.CheckpointAsync(_serve.Checkpoint);
        await _work.Get<Saying>().StartAsync(_conversation, _question, "Who directed The Matrix?", Test);
    }

    [Fact]
    public async Task A_reply_is_stored_with_the_checkpoint_and_figures_it_came_with()
    {
        var live = await AskAsync();
        var reply = await StoredAsync(live.Id);
        Assert.Equal((string.Concat(_serve.Pieces), MessageState.Complete, _question), (reply.Text, reply.State, reply.ParentId!.Value));
        Assert.Equal(("stop", 7L, 6, -1.5), (reply.Generation!.StopReason, reply.Generation.Seed!.Value, reply.Generation.CompletionTokens!.Value, reply.Generation.SumLogProb!.Value));
    }

    [Fact]
    public async Task Waiting_in_the_queue_stores_nothing_and_the_reply_is_stored_when_its_turn_comes()
    {
        (_serve.Comments, _serve.Pause) = ([": queue 2", ": reading"], TimeSpan.FromMilliseconds(300));
        var live = new LiveReply(_question);
        var asking = AskAsync(live, Test);
        while (live.Place != 2 && !asking.IsCompleted) await Task.Delay(10, Test);
        Assert.Equal(2, live.Place);
        await asking;
        Assert.Equal((string.Concat(_serve.Pieces), 0), ((await StoredAsync(live.Id)).Text, live.Place));
    }

    [Fact]
    public async Task A_reply_under_way_is_stored_within_a_second()
    {
        (_serve.Pieces, _serve.Pause) = ([.. Enumerable.Range(0, 40).Select(i => $"word{i} ")], TimeSpan.FromMilliseconds(100));
        var live = new LiveReply(_question);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Test);
        var asking = AskAsync(live, stop.Token);
        while (live.Length < 100) await Task.Delay(20, Test);
        await Task.Delay(1_000, Test);
        Assert.True((await StoredAsync(live.Id)).Text.Length >= 100);
        await stop.CancelAsync();
        await asking;
    }

    [Fact]
    public async Task Stop_keeps_what_was_seen_and_ends_the_servers_work()
    {
        (_serve.Pieces, _serve.Pause) = (["seen ", "never ", "never"], TimeSpan.FromSeconds(3));
        var live = new LiveReply(_question);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Test);
        var asking = AskAsync(live, stop.Token);
        while (live.Length == 0) await Task.Delay(10, Test);
        await stop.CancelAsync();
        await asking;

        var reply = await StoredAsync(live.Id);
        Assert.Equal(("seen ", MessageState.CutShort, "stopped"), (reply.Text, reply.State, reply.Generation!.StopReason));
        await _serve.ClientLeft.Task.WaitAsync(TimeSpan.FromSeconds(5), Test);
    }

    [Fact]
    public async Task A_server_that_dies_leaves_its_words_marked_and_a_second_reply_becomes_a_sibling()
    {
        _serve.Cut = true;
        var live = new LiveReply(_question);
        Assert.Equal(ServerTrouble.CutOff, (await Assert.ThrowsAsync<MossServerException>(() => AskAsync(live, Test))).Trouble);
        var reply = await StoredAsync(live.Id);
        Assert.Equal((MessageState.CutShort, "cut_off"), (reply.State, reply.Generation!.StopReason));

        _serve.Cut = false;
        var second = await AskAsync();
        Assert.Equal(reply.ParentId, (await StoredAsync(second.Id)).ParentId);
    }

    [Fact]
    public async Task A_checkpoint_that_the_database_does_not_know_is_named_and_nothing_is_stored()
    {
        _serve.Checkpoint = "stranger";
        var live = new LiveReply(_question);
        var thrown = await Assert.ThrowsAsync<MossServerException>(() => AskAsync(live, Test));
        Assert.Equal((ServerTrouble.UnknownCheckpoint, "stranger"), (thrown.Trouble, thrown.Message));
        await using var db = _work.Db();
        Assert.False(await db.Messages.AnyAsync(m => m.Id == live.Id, Test));
    }

    [Fact]
    public async Task A_reply_outlives_a_database_that_goes_away_in_the_middle()
    {
        (_serve.Pieces, _serve.Pause) = ([.. Enumerable.Range(0, 20).Select(i => $"word{i} ")], TimeSpan.FromMilliseconds(60));
        var (line, live, away) = (_work.Get<DatabaseLine>(), new LiveReply(_question), false);
        line.Changed += () => away |= line.Away;
        var asking = AskAsync(live, Test);
        while (live.Length < 20) await Task.Delay(10, Test);
        _gate.Shut();
        await Task.Delay(1_800, Test);
        Assert.True(away);
        _gate.Open();
        await asking;

        Assert.Equal((string.Concat(_serve.Pieces), MessageState.Complete), ((await StoredAsync(live.Id)).Text, (await StoredAsync(live.Id)).State));
        Assert.False(line.Away);
    }

    [Fact]
    public async Task What_is_said_while_the_database_is_away_is_stored_once_when_it_is_back()
    {
        var (saying, id) = (_work.Get<Saying>(), Guid.CreateVersion7());
        await _work.Get<SignedIn>().AnnotatorAsync(Test);
        _gate.Shut();
        var first = saying.SayAsync(_conversation, id, _question, "Are you there?", Test);
        await Task.Delay(300, Test);
        Assert.False(first.IsCompleted);
        _gate.Open();
        await first;
        await saying.SayAsync(_conversation, id, _question, "Are you there?", Test); // sent twice is once

        await using var db = _work.Db();
        Assert.Equal(1, await db.Messages.CountAsync(m => m.Text == "Are you there?", Test));
    }

    [Fact]
    public async Task Saying_something_clears_its_draft_in_the_same_transaction()
    {
        var me = await _work.Get<SignedIn>().AnnotatorAsync(Test);
        await using var db = _work.Db();
        await db.SaveDraftAsync(me.Id, Saying.Place(_conversation), "half a thou", 1, Test);
        await _work.Get<Saying>().SayAsync(_conversation, Guid.CreateVersion7(), _question, "half a thought", Test);
        Assert.Null(await db.DraftAsync(me.Id, Saying.Place(_conversation), Test));
    }

    private async Task<LiveReply> AskAsync()
    {
        var live = new LiveReply(_question);
        await AskAsync(live, Test);
        return live;
    }

    private async Task AskAsync(LiveReply live, CancellationToken stop)
    {
        await using var db = _work.Db();
        await _work.Get<Dialogue>().ReplyAsync(_conversation, await db.PathAsync(_question, Test), live, Sampling.MostLikely, stop);
    }

    private async Task<Message> StoredAsync(Guid id)
    {
        await using var db = _work.Db();
        return await db.Messages.AsNoTracking().Include(m => m.Generation).SingleAsync(m => m.Id == id, Test);
    }

    public async ValueTask DisposeAsync()
    {
        await _work.DisposeAsync();
        await _gate.DisposeAsync();
        await _serve.DisposeAsync();
    }
}
