using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using static Moss.Trainer.Tests.Serving.ServeClient;

namespace Moss.Trainer.Tests.Serving;

public sealed class AdmissionTests(ServeWorld world) : IClassFixture<ServeWorld>
{
    private const string AliceKey = "alice-0123456789abcdef", BobKey = "bob-0123456789abcdef";

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private async Task RestartAsync(params string[] settings)
    {
        await world.StopAsync();
        await world.StartAsync(settings);
    }

    private async Task<(HttpStatusCode Status, string? Code)> AskWithAsync(string? key)
    {
        world.Client.Http.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        using var response = await world.Client.PostAsync(Asking("who"), Test);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Test))!["error"]?["code"]?.GetValue<string>());
    }

    [Fact]
    public async Task Where_keys_are_set_only_they_open_the_interface_and_each_has_limits_of_its_own()
    {
        await RestartAsync($"--Serve:ApiKeys:alice={AliceKey}", $"--Serve:ApiKeys:bob={BobKey}", "--Serve:KeyRequestsPerMinute=2");

        Assert.Equal((HttpStatusCode.Unauthorized, "invalid_api_key"), await AskWithAsync(null));
        Assert.Equal((HttpStatusCode.Unauthorized, "invalid_api_key"), await AskWithAsync(AliceKey + "x"));
        foreach (var path in (string[])["/v1/models", "/V1/models", "/tokenize"])
        {
            using var shut = await world.Client.Http.GetAsync(path, Test);
            Assert.Equal(HttpStatusCode.Unauthorized, shut.StatusCode);
        }
        using (var health = await world.Client.Http.GetAsync("/healthz", Test)) Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await AskWithAsync(AliceKey)).Status);
        Assert.Equal(HttpStatusCode.OK, (await AskWithAsync(AliceKey)).Status);
        Assert.Equal((HttpStatusCode.TooManyRequests, "rate_limit_exceeded"), await AskWithAsync(AliceKey));
        Assert.Equal(HttpStatusCode.OK, (await AskWithAsync(BobKey)).Status);
    }

    [Fact]
    public async Task Who_waits_is_told_the_place_in_the_queue_in_comments_and_then_gets_the_reply()
    {
        await RestartAsync("--Serve:ActiveReplies=1", "--Serve:QueueLength=200");
        using var ended = new CancellationTokenSource();
        // Enough work ahead to wait for; given up once the place has been told.
        var ahead = Enumerable.Range(0, 150).Select(i => Ahead(i)).ToList();
        await UntilAsync("many wait", async () => (await world.Client.GetAsync("/healthz"))!["waiting"]!.GetValue<int>() > 100);
        List<string> comments = [];
        var chunks = await world.Client.StreamAsync(Asking("who directed"), Chat, null, line =>
        {
            comments.Add(line);
            ended.Cancel();
        }, Test);

        Assert.Matches("^: queue [1-9][0-9]*$", comments[0]);
        Assert.Equal("[DONE]", chunks[^1]);
        await Task.WhenAll(ahead);

        async Task Ahead(int i)
        {
            try
            {
                using var response = await world.Client.PostAsync(Asking($"who {i}", maxTokens: 200), ended.Token);
            }
            catch (OperationCanceledException)
            {
                // given up
            }
        }
    }

    [Fact]
    public async Task With_200_clients_at_once_everyone_is_answered_or_told_when_to_come_back()
    {
        await RestartAsync("--Serve:ActiveReplies=4", "--Serve:QueueLength=8");
        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            using var response = await world.Client.PostAsync(Asking($"who {i}", maxTokens: 150), Test);
            return (response.StatusCode, After: response.Headers.RetryAfter?.Delta);
        }));

        Assert.All(answers, a => Assert.True(a.StatusCode is HttpStatusCode.OK or HttpStatusCode.TooManyRequests));
        Assert.True(answers.Count(a => a.StatusCode == HttpStatusCode.OK) >= 8);
        Assert.All(answers.Where(a => a.StatusCode == HttpStatusCode.TooManyRequests), a => Assert.InRange(a.After!.Value.TotalSeconds, 1, 120));
        Assert.Equal(0, (await world.Client.GetAsync("/healthz"))!["waiting"]!.GetValue<int>());
    }

    [Fact]
    public async Task More_replies_than_the_queue_ever_holds_are_refused_by_name()
    {
        await RestartAsync("--Serve:QueueLength=2");
        var body = Asking("who");
        body["n"] = 3;
        using var response = await world.Client.PostAsync(body, Test);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("n", JsonNode.Parse(await response.Content.ReadAsStringAsync(Test))!["error"]!["param"]!.GetValue<string>());
    }
}
