using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;

namespace Moss.Trainer.Tests.Serving;

/// <summary>Talks to a model server as any client of the interface does.</summary>
public sealed class ServeClient(string url) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public HttpClient Http { get; } = new() { BaseAddress = new Uri(url), Timeout = Patience };

    public static JsonObject Asking(string text, int maxTokens = 16, double temperature = 0) => new()
    {
        ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = text }),
        ["max_tokens"] = maxTokens,
        ["temperature"] = temperature,
        ["repetition_penalty"] = 1.0,
    };

    public static JsonObject GoingOn(JsonNode prompt, int maxTokens = 16) => new()
    {
        ["prompt"] = prompt,
        ["max_tokens"] = maxTokens,
        ["temperature"] = 0,
        ["repetition_penalty"] = 1.0,
    };

    public const string Chat = "/v1/chat/completions", Completions = "/v1/completions";

    public Task<HttpResponseMessage> PostAsync(JsonNode body, CancellationToken cancellation = default) => PostAsync(body, Chat, cancellation);

    public Task<HttpResponseMessage> PostAsync(JsonNode body, string path, CancellationToken cancellation) => Http.PostAsync(path,
        new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"), cancellation);

    /// <summary>The whole reply; anything but 200 fails the test.</summary>
    public async Task<JsonObject> AskAsync(JsonNode body, string path = Chat)
    {
        using var response = await PostAsync(body, path, Test);
        var text = await response.Content.ReadAsStringAsync(Test);
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode} {text}");
        return JsonNode.Parse(text)!.AsObject();
    }

    /// <summary>The chunks of a streamed reply, "[DONE]" as the string it is.</summary>
    public Task<List<string>> StreamAsync(JsonObject body, Action<string>? each = null, CancellationToken cancellation = default) =>
        StreamAsync(body, Chat, each, null, cancellation);

    /// <param name="comment">Gets each comment line.</param>
    public async Task<List<string>> StreamAsync(
        JsonObject body, string path, Action<string>? each, Action<string>? comment, CancellationToken cancellation)
    {
        body["stream"] = true;
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        { Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json") };
        using var response = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}");
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellation));
        List<string> chunks = [];
        while (await lines.ReadLineAsync(cancellation) is { } line)
        {
            if (line.Length == 0) continue;
            if (line[0] == ':')
            {
                comment?.Invoke(line);
                continue;
            }
            Assert.StartsWith("data: ", line);
            chunks.Add(line["data: ".Length..]);
            each?.Invoke(chunks[^1]);
        }
        return chunks;
    }

    public Task<JsonObject?> GetAsync(string path) => Http.GetFromJsonAsync<JsonObject>(path, Test);

    public static string Text(JsonNode reply) => reply["choices"]![0]!["message"]!["content"]!.GetValue<string>();

    /// <summary>The value of a metric without labels.</summary>
    public async Task<double> MetricAsync(string name) => double.Parse(
        (await Http.GetStringAsync("/metrics", Test)).Split('\n').Single(line => line.StartsWith(name + " ", StringComparison.Ordinal))[(name.Length + 1)..],
        System.Globalization.CultureInfo.InvariantCulture);

    public Task UntilReadyAsync() => UntilAsync("the server is ready", async () => (await Http.GetAsync("/readyz", Test)).IsSuccessStatusCode);

    /// <summary>Waits for what should come about; fails the test when it does not.</summary>
    public static async Task UntilAsync(string what, Func<Task<bool>> holds)
    {
        var (clock, started) = (TimeProvider.System, TimeProvider.System.GetTimestamp());
        while (true)
        {
            try
            {
                if (await holds()) return;
            }
            catch (HttpRequestException)
            {
                // not listening yet
            }
            if (clock.GetElapsedTime(started) > Patience) Assert.Fail($"After {Patience.TotalSeconds} s it does not hold that {what}.");
            await Task.Delay(20, Test);
        }
    }

    public void Dispose() => Http.Dispose();

    private static CancellationToken Test => TestContext.Current.CancellationToken;
}
