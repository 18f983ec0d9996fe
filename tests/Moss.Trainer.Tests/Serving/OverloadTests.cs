using System.Net;
using System.Text.Json.Nodes;
using static Moss.Trainer.Tests.Serving.ServeClient;

namespace Moss.Trainer.Tests.Serving;

public sealed class OverloadTests(ServeWorld world) : IClassFixture<ServeWorld>
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_does_not_fit_the_queue_is_told_at_once_when_to_come_back_and_the_rest_is_answered()
    {
        await world.StopAsync();
        await world.StartAsync("--Serve:QueueLength=2", "--Serve:ActiveReplies=1");
        var responses = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => world.Client.PostAsync(Asking($"who {i}", maxTokens: 100), Test)));

        Assert.All(responses, r => Assert.True(r.StatusCode is HttpStatusCode.OK or HttpStatusCode.TooManyRequests, $"{r.StatusCode}"));
        Assert.True(responses.Count(r => r.StatusCode == HttpStatusCode.OK) >= 2); // those that wait; one more where the loop was quick
        var refused = responses.First(r => r.StatusCode == HttpStatusCode.TooManyRequests);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 120);
        Assert.Equal("rate_limit_error", JsonNode.Parse(await refused.Content.ReadAsStringAsync(Test))!["error"]!["type"]!.GetValue<string>());
        foreach (var response in responses) response.Dispose();
    }

    [Fact]
    public async Task Before_any_checkpoint_is_deployed_the_server_lives_but_is_not_ready_and_says_why()
    {
        await using var empty = new OtherServer(await world.EmptyDatabaseAsync(), world.Checkpoints);
        await empty.StartAsync();
        using var client = new ServeClient(empty.Url);

        Assert.Equal("ok", (await client.GetAsync("/healthz"))!["status"]!.GetValue<string>());
        List<(HttpStatusCode Code, string Says)> states = []; // loading while it looks what there is, then that there is nothing
        await UntilAsync("the reason is given", async () =>
        {
            using var ready = await client.Http.GetAsync("/readyz", Test);
            states.Add((ready.StatusCode, await ready.Content.ReadAsStringAsync(Test)));
            return !states[^1].Says.Contains("\"loading\"", StringComparison.Ordinal);
        });
        Assert.All(states, s => Assert.Equal(HttpStatusCode.ServiceUnavailable, s.Code));
        Assert.Contains("No checkpoint is deployed", states[^1].Says, StringComparison.Ordinal);
        using var refused = await client.PostAsync(Asking("who"), Test);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
    }

    [Fact]
    public async Task A_server_started_while_the_database_is_away_waits_for_it_and_then_serves()
    {
        world.Line.Cut();
        await using var early = new OtherServer(world.ServersConnectionString, world.Checkpoints);
        await early.StartAsync();
        using var client = new ServeClient(early.Url);
        await UntilAsync("the reason is given", async () =>
        {
            using var ready = await client.Http.GetAsync("/readyz", Test);
            return ready.StatusCode == HttpStatusCode.ServiceUnavailable && (await ready.Content.ReadAsStringAsync(Test)).Contains("cannot be read", StringComparison.Ordinal);
        });

        world.Line.Mend();
        await client.UntilReadyAsync();
        Assert.Equal("a", (await client.AskAsync(Asking("who")))["model"]!.GetValue<string>());
    }

    private sealed class OtherServer(string connection, string checkpoints) : IAsyncDisposable
    {
        private readonly Microsoft.AspNetCore.Builder.WebApplication _app =
            Trainer.Serving.ServeApp.Create($"http://127.0.0.1:{ServeWorld.FreePort()}", connection, checkpoints, "--Serve:LookSeconds=0.2", "--Serve:Threads=1");

        public string Url => _app.Urls.First();

        public Task StartAsync() => _app.StartAsync(Test);

        public async ValueTask DisposeAsync()
        {
            await _app.StopAsync(CancellationToken.None);
            await _app.DisposeAsync();
        }
    }
}
