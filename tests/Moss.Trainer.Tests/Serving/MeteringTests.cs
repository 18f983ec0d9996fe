using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Moss.Trainer.Serving;
using static Moss.Trainer.Tests.Serving.ServeClient;

namespace Moss.Trainer.Tests.Serving;

public sealed partial class MeteringTests(ServeWorld world) : IClassFixture<ServeWorld>
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_done_is_counted_in_the_text_that_Prometheus_reads()
    {
        var reply = await world.Client.AskAsync(Asking("who directed"));
        using (await world.Client.PostAsync(new JsonObject { ["messages"] = 7 }, Test)) { }
        var nobody = Asking("who");
        nobody["model"] = "gpt-9";
        using (await world.Client.PostAsync(nobody, Test)) { }
        await UntilAsync("all are counted", async () => (await world.Client.Http.GetStringAsync("/metrics", Test)).Contains("no_model", StringComparison.Ordinal));
        using var response = await world.Client.Http.GetAsync("/metrics", Test);
        var text = await response.Content.ReadAsStringAsync(Test);

        Assert.StartsWith("text/plain; version=0.0.4", response.Content.Headers.ContentType!.ToString());
        Assert.All(text.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Matches(Line(), line));
        foreach (var outcome in (string[])["ok", "invalid", "no_model"])
            Assert.Matches($"moss_requests_total{{path=\"/v1/chat/completions\",outcome=\"{outcome}\"}} [1-9]", text);
        Assert.True(await world.Client.MetricAsync("moss_generated_tokens_total") >= reply["usage"]!["completion_tokens"]!.GetValue<int>());
        Assert.True(await world.Client.MetricAsync("moss_time_to_first_token_seconds_count") >= 1);
        Assert.True(await world.Client.MetricAsync("moss_batch_size_count") >= 1);
        Assert.True(await world.Client.MetricAsync("moss_kv_budget_bytes") > 0);
        Assert.Equal(0, await world.Client.MetricAsync("moss_kv_in_use_bytes"));
        Assert.Equal(0, await world.Client.MetricAsync("moss_queue_length"));
        Assert.Equal(0, await world.Client.MetricAsync("moss_swaps_total"));
        await world.DeployAsync(world.B);
        await UntilAsync("the swap is counted", async () => await world.Client.MetricAsync("moss_swaps_total") == 1);
        await world.DeployAsync(world.A);
        await UntilAsync("and back", async () => await world.Client.MetricAsync("moss_swaps_total") == 2);
    }

    [Fact]
    public async Task A_trace_that_comes_with_a_request_goes_on_to_its_tokens()
    {
        const string Trace = "0af7651916cd43dd8448eb211c80319c";
        var spans = new System.Collections.Concurrent.ConcurrentBag<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Tracing.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span => { if (span.TraceId.ToHexString() == Trace) spans.Add(span); },
        };
        ActivitySource.AddActivityListener(listener);
        using var request = new HttpRequestMessage(HttpMethod.Post, Chat)
        { Content = new StringContent(Asking("who directed").ToJsonString(), System.Text.Encoding.UTF8, "application/json") };
        request.Headers.Add("traceparent", $"00-{Trace}-b7ad6b7169203331-01");
        using var response = await world.Client.Http.SendAsync(request, Test);
        await UntilAsync("the request's span has ended", () => Task.FromResult(spans.Any(s => s.OperationName == "moss.request")));

        var whole = spans.Single(s => s.OperationName == "moss.request");
        foreach (var name in (string[])["moss.queue", "moss.prompt", "moss.tokens"])
            Assert.Equal(whole.SpanId, spans.Single(s => s.OperationName == name).ParentSpanId);
        var tokens = spans.Single(s => s.OperationName == "moss.tokens");
        Assert.True((int)tokens.GetTagItem("gen_ai.usage.output_tokens")! > 0);
        Assert.True(tokens.StartTimeUtc >= whole.StartTimeUtc.AddMilliseconds(-1));
    }

    [GeneratedRegex("""^(# (HELP|TYPE) moss_[a-z_]+ .+|moss_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9.e+-]+)$""", RegexOptions.IgnoreCase)]
    private static partial Regex Line();
}
