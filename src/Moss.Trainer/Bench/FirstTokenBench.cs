using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Moss.Trainer.Bench;

/// <summary>How long a client of the running server waits for the first piece of a streamed reply, over HTTP.</summary>
internal sealed class FirstTokenBench(Uri serve, int requests)
{
    private const int WarmUpRequests = 3;

    /// <param name="server">The server's process, when it is on this machine: what it holds in memory is read too.</param>
    public async Task<object> RunAsync(CancellationToken cancellation, Process? server = null)
    {
        using var http = new HttpClient();
        AgentRuns.MossClient.Address(http, serve, TimeSpan.FromMinutes(1));
        for (var i = 0; i < WarmUpRequests; i++) await TimeAsync(http, cancellation);
        var (load, memory) = (Conditions.LoadAverage(), Memory(server));
        List<double> waits = [];
        var model = "";
        for (var i = 0; i < requests; i++)
        {
            (var wait, model) = await TimeAsync(http, cancellation);
            waits.Add(wait);
        }
        var spread = Spread.Of(waits);
        return new
        {
            bench = "first-token",
            url = serve.GetLeftPart(UriPartial.Authority),
            model,
            cores = Environment.ProcessorCount,
            requests,
            first_token_ms = spread.P50,
            p95_first_token_ms = spread.P95,
            max_first_token_ms = spread.Max,
            server_rss_bytes_before = memory,
            server_rss_bytes_after = Memory(server),
            load_average = load,
        };
    }

    private static long? Memory(Process? process)
    {
        process?.Refresh();
        return process?.WorkingSet64;
    }

    private static readonly object Question = new { messages = new[] { new { role = "user", content = "Who directed The Matrix?" } }, stream = true, max_tokens = 16 };

    private static async Task<(double Milliseconds, string Model)> TimeAsync(HttpClient http, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = JsonContent.Create(Question),
        };
        var started = TimeProvider.System.GetTimestamp();
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (!response.IsSuccessStatusCode) throw new HttpRequestException(
            $"The server answers {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync(cancellation)}");
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellation));
        var (wait, model) = (0.0, "");
        while (await lines.ReadLineAsync(cancellation) is { } line)
        {
            if (wait > 0 || !line.StartsWith("data: {", StringComparison.Ordinal)) continue; // the rest is read, so that the connection is used again
            var chunk = JsonNode.Parse(line["data: ".Length..])!;
            if (chunk["choices"]?[0]?["delta"]?["content"]?.GetValue<string>() is not { Length: > 0 }) continue;
            (wait, model) = (TimeProvider.System.GetElapsedTime(started).TotalMilliseconds, chunk["model"]!.GetValue<string>());
        }
        return (wait, model);
    }
}
