using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Moss.Data;
using Moss.Data.AgentRuns;
using Moss.Data.Annotators;
using Moss.Data.Conversations;
using Moss.Data.Judgements;
using Moss.Data.Training;
using Moss.Trainer.AgentRuns;
using Moss.Trainer.Dispatch;
using Moss.Trainer.Tests.Setup;

namespace Moss.Trainer.Tests.AgentRuns;

public class AgentRunJobTests(PostgresServer server)
{
    private static readonly WorkSettings Settings = new() { LeaseSeconds = 3, HeartbeatSeconds = 0.2 };

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_scenario_becomes_a_conversation_of_an_agent_with_ratings_that_people_can_read()
    {
        using var scene = await Scene.OpenAsync(server);
        await using var moss = await ScriptedMoss.StartAsync(scene.Tiny.Id, ChecksTests.Right);

        var run = await CarryOutAsync(scene, moss, ScenarioTexts.Example9);

        Assert.Equal((RunState.Succeeded, "script_finished", 6, 9, 0), (run.State, run.StopReason, run.Turn, run.ChecksPassed, run.ChecksFailed));
        var conversation = await scene.With(db => db.Conversations.AsNoTracking().SingleAsync(c => c.AgentRunId == run.Id, Test));
        var agent = await scene.With(db => db.Annotators.SingleAsync(a => a.Id == conversation.CreatedBy, Test));
        Assert.Equal((ConversationOrigin.Agent, AnnotatorKind.Agent, run.ScenarioSha256), (conversation.Origin, agent.Kind, agent.AgentSpecSha256));
        var messages = await scene.With(db => db.TreeAsync(conversation.Id, Test));
        Assert.Equal(ChecksTests.Right, messages.Where(m => m.Role == Role.Moss).Select(m => m.Text));
        Assert.All(messages.Skip(1).Zip(messages), pair => Assert.Equal(pair.Second.Id, pair.First.ParentId));
        Assert.All(messages.Where(m => m.Role == Role.Moss), m => Assert.Equal((scene.Tiny.Id, "stop"), (m.Generation!.CheckpointId, m.Generation.StopReason)));
        Assert.All(await RatingsAsync(scene, run), r => Assert.Equal((Rating.Check, 5d), (r.Attribute, r.Score)));
        Assert.Equal(6, moss.Requests.Select(r => r.GetProperty("seed").GetInt64()).Distinct().Count());
        Assert.Equal(["challenger", .. Enumerable.Repeat(scene.Tiny.Id.ToString(), 5)], moss.Requests.Select(r => r.GetProperty("model").GetString()));
    }

    [Fact]
    public async Task A_failed_check_leaves_a_low_rating_and_a_known_answer_a_correction()
    {
        using var scene = await Scene.OpenAsync(server);
        await using var moss = await ScriptedMoss.StartAsync(scene.Tiny.Id, ["392", .. ChecksTests.Right[1..]]);

        var run = await CarryOutAsync(scene, moss, ScenarioTexts.Example9);

        Assert.Equal((8, 1), (run.ChecksPassed, run.ChecksFailed));
        Assert.Equal([1, 5, 5, 5, 5, 5], (await RatingsAsync(scene, run)).Select(r => r.Score));
        var correction = await scene.With(db => db.Judgements.OfType<Correction>().SingleAsync(Test));
        var text = await scene.With(db => db.Messages.Where(m => m.Id == correction.CorrectionMessageId).Select(m => m.Text).SingleAsync(Test));
        Assert.Equal(("391", "numeric: its number is 392, expected 391"), (text, correction.Comment));
    }

    [Fact]
    public async Task A_run_whose_worker_stops_goes_on_after_its_last_turn_and_asks_nothing_twice()
    {
        using var scene = await Scene.OpenAsync(server);
        using var shutdown = new CancellationTokenSource();
        await using var moss = await ScriptedMoss.StartAsync(scene.Tiny.Id, async (_, number) =>
        {
            if (number == 3) // the worker goes away while the fourth answer is on its way
            {
                await shutdown.CancelAsync();
                await Task.Delay(200, Test);
                return "lost on its way";
            }
            return ChecksTests.Right[Math.Min(number > 3 ? number - 1 : number, 5)];
        });
        var run = await QueueAsync(scene, ScenarioTexts.Example9);
        await Job(scene, moss).RunAsync(run.Id, shutdown.Token);
        Assert.Equal((RunState.Queued, 3), (await RunAsync(scene, run.Id) is var r ? r.State : default, r.Turn));

        await Task.WhenAll(Job(scene, moss).RunAsync(run.Id, Test), Job(scene, moss).RunAsync(run.Id, Test)); // delivered twice

        run = await RunAsync(scene, run.Id);
        Assert.Equal((RunState.Succeeded, 6, 9, 0), (run.State, run.Turn, run.ChecksPassed, run.ChecksFailed));
        var script = ScenarioFile.Read(ScenarioTexts.Example9).Turns.Select(t => t.User).ToList();
        Assert.Equal([.. script[..4], script[3], .. script[4..]], moss.Questions); // one call was in doubt, no other was made again
        var calls = await scene.With(db => db.AgentCalls.OrderBy(c => c.Turn).ThenBy(c => c.Attempt).Select(c => c.State).ToListAsync(Test));
        AgentCallState[] ok = [AgentCallState.Ok, AgentCallState.Ok, AgentCallState.Ok];
        Assert.Equal([.. ok, AgentCallState.InDoubt, .. ok], calls);
        Assert.Equal(ChecksTests.Right, await scene.With(db => db.Messages.Where(m => m.Role == Role.Moss).OrderBy(m => m.CreatedAt).Select(m => m.Text).ToListAsync(Test)));
    }

    [Fact]
    public async Task A_canceled_run_stops_between_turns()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await QueueAsync(scene, ScenarioTexts.Example9);
        await using var moss = await ScriptedMoss.StartAsync(scene.Tiny.Id, async (_, number) =>
        {
            if (number == 1) Assert.True(await scene.With(db => db.CancelAgentRunAsync(run.Id, Test)));
            if (number == 1) await Task.Delay(2_000, Test);
            return ChecksTests.Right[number];
        });

        await Job(scene, moss).RunAsync(run.Id, Test);

        run = await RunAsync(scene, run.Id);
        Assert.Equal((RunState.Canceled, "canceled", 1), (run.State, run.StopReason, run.Turn));
    }

    [Theory]
    [InlineData("", "", "empty_reply", 2)]
    [InlineData("the very same long reply", "", "loop", 2)]
    [InlineData("wrong", "on_fail: stop, expect: [ { check: equals, value: right } ]", "check_failed", 1)]
    [InlineData("right", "on_fail: stop, expect: [ { check: equals, value: right } ]", "script_finished", 3)]
    [InlineData("wrong", "on_fail: stop, expect: [ { check: equals, value: right, required: false } ]", "script_finished", 3)]
    public async Task A_dialogue_stops_for_its_reason(string answer, string turn, string reason, int asked)
    {
        using var scene = await Scene.OpenAsync(server);
        await using var moss = await ScriptedMoss.StartAsync(scene.Tiny.Id, answer);
        var more = turn.Length == 0 ? "" : ", " + turn;

        var run = await CarryOutAsync(scene, moss, ScenarioTexts.Frame(string.Join('\n', Enumerable.Range(1, 3).Select(i => $"  - {{ user: q{i}{more} }}"))));

        Assert.Equal((RunState.Succeeded, reason, asked), (run.State, run.StopReason, moss.Questions.Count));
    }

    [Fact]
    public async Task A_run_that_loses_the_database_is_not_canceled_but_goes_on_later()
    {
        using var scene = await Scene.OpenAsync(server);
        var database = new LosableDatabase(scene);
        await using var moss = await ScriptedMoss.StartAsync(scene.Tiny.Id, async (_, number) =>
        {
            if (number != 2) return ChecksTests.Right[Math.Min(number > 2 ? number - 1 : number, 5)];
            database.FailuresLeft = LosableDatabase.TriesOfTheHeart;
            await Task.Delay(TimeSpan.FromSeconds(Settings.LeaseSeconds), Test); // the heart gives up before that
            return "lost on its way";
        });
        var run = await QueueAsync(scene, ScenarioTexts.Example9);

        await Job(database, moss).RunAsync(run.Id, Test);

        run = await RunAsync(scene, run.Id);
        Assert.Equal((RunState.Queued, 2, null), (run.State, run.Turn, run.StopReason));
        await Job(scene, moss).RunAsync(run.Id, Test);
        Assert.Equal((RunState.Succeeded, 9, 0), (await RunAsync(scene, run.Id) is var r ? r.State : default, r.ChecksPassed, r.ChecksFailed));
    }

    /// <summary>The scene's database, which can be out of reach for one worker.</summary>
    private sealed class LosableDatabase(Scene scene) : IDbContextFactory<MossDbContext>
    {
        /// <summary>With pauses of 0.1, 0.2, 0.4 … s, the most that fit into its patience of 2.8 s.</summary>
        public const int TriesOfTheHeart = 5;

        public int FailuresLeft;

        public MossDbContext CreateDbContext() =>
            Interlocked.Decrement(ref FailuresLeft) >= 0 ? throw new System.Net.Sockets.SocketException() : scene.CreateDbContext();
    }

    [Fact]
    public async Task A_server_that_refuses_ends_the_run_with_its_reason()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await QueueAsync(scene, ScenarioTexts.Example9);
        using var http = new HttpClient(new Refusing()) { BaseAddress = new Uri("http://127.0.0.1:9") };

        await new AgentRunJob(scene, new MossClient(http), Options.Create(Settings), TimeProvider.System, NullLogger<AgentRunJob>.Instance).RunAsync(run.Id, Test);

        run = await RunAsync(scene, run.Id);
        Assert.Equal((RunState.Failed, "error", "No such model."), (run.State, run.StopReason, run.Error));
    }

    private sealed class Refusing : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(System.Net.HttpStatusCode.NotFound) { Content = new StringContent("""{"error":{"message":"No such model."}}""") });
    }

    private static async Task<AgentRun> CarryOutAsync(Scene scene, ScriptedMoss moss, string text)
    {
        var run = await QueueAsync(scene, text);
        await Job(scene, moss).RunAsync(run.Id, Test);
        return await RunAsync(scene, run.Id);
    }

    private static Task<AgentRun> QueueAsync(Scene scene, string text) =>
        scene.With(db => db.QueueScenarioAsync(Guid.CreateVersion7(), scene.Project, text, seed: null, scene.Person, Test));

    private static AgentRunJob Job(IDbContextFactory<MossDbContext> database, ScriptedMoss moss) => new(
        database, new MossClient(new HttpClient { BaseAddress = moss.Address }), Options.Create(Settings), TimeProvider.System, NullLogger<AgentRunJob>.Instance);

    private static Task<AgentRun> RunAsync(Scene scene, Guid id) => scene.With(db => db.AgentRuns.AsNoTracking().SingleAsync(r => r.Id == id, Test));

    private static Task<List<Rating>> RatingsAsync(Scene scene, AgentRun run) => scene.With(db => db.Judgements.OfType<Rating>()
        .Where(r => db.Messages.Any(m => m.Id == r.MessageId && m.Conversation.AgentRunId == run.Id)).OrderBy(r => r.CreatedAt).ToListAsync(Test));
}
