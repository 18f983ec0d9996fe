using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Moss.Trainer.AgentRuns;

namespace Moss.Trainer.Bench;

/// <summary>Clients that stream replies from a server, each over a connection of its own.</summary>
internal sealed class LoadClients : IDisposable
{
    /// <summary>As many as are answered at once by default: the server is busy, and nobody waits long.</summary>
    private const int ClosedClients = 16;

    private readonly HttpClient _http = new(new SocketsHttpHandler { PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5) });
    private readonly TimeProvider _clock = TimeProvider.System;
    private int _number;

    public LoadClients(Uri serve) => MossClient.Address(_http, serve, TimeSpan.FromMinutes(5));

    /// <summary>Each client asks again as soon as it is answered: the best that the server can do.</summary>
    public async Task<IReadOnlyCollection<AskedOnce>> ClosedAsync(int tokens, double seconds, CancellationToken cancellation)
    {
        var (asked, began) = (new ConcurrentBag<AskedOnce>(), _clock.GetTimestamp());
        await Task.WhenAll(Enumerable.Range(0, ClosedClients).Select(async _ =>
        {
            while (_clock.GetElapsedTime(began).TotalSeconds < seconds) asked.Add(await AskAsync(tokens, began, cancellation));
        }));
        return asked;
    }

    /// <summary>Requests arrive by chance, so many a second on average, with exponential times between them.</summary>
    /// <param name="most">An arrival while so many are under way is sent when one of them ends.</param>
    public async Task<IReadOnlyCollection<AskedOnce>> OpenAsync(int tokens, double perSecond, double seconds, int most, CancellationToken cancellation)
    {
        var (chance, began, asked) = (new Random(20), _clock.GetTimestamp(), new List<Task<AskedOnce>>());
        using var places = new SemaphoreSlim(most);
        for (var at = 0.0; ;)
        {
            at -= Math.Log(1 - chance.NextDouble()) / perSecond;
            if (at > seconds) break;
            if (TimeSpan.FromSeconds(at) - _clock.GetElapsedTime(began) is var pause && pause > TimeSpan.Zero) await Task.Delay(pause, cancellation);
            if (_clock.GetElapsedTime(began).TotalSeconds > seconds) break; // arrivals that were put off beyond the end
            await places.WaitAsync(cancellation);
            asked.Add(AskThenLeaveAsync());
        }
        return await Task.WhenAll(asked);

        async Task<AskedOnce> AskThenLeaveAsync()
        {
            try
            {
                return await AskAsync(tokens, began, cancellation);
            }
            finally
            {
                places.Release();
            }
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<AskedOnce> AskAsync(int tokens, long began, CancellationToken cancellation)
    {
        var number = Interlocked.Increment(ref _number);
        var sent = _clock.GetTimestamp();
        var status = 0;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
            {
                Content = JsonContent.Create(new
                {
                    prompt = string.Create(CultureInfo.InvariantCulture, $"Question {number}: who directed The Matrix?"),
                    stream = true, max_tokens = tokens, ignore_eos = true, temperature = 1.0, top_p = 1.0, seed = number,
                }),
            };
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
            status = (int)response.StatusCode;
            if (response.StatusCode == HttpStatusCode.TooManyRequests)
                return new(status, Ended(), null, Passed(), response.Headers.RetryAfter?.Delta?.TotalSeconds, 0, null);
            if (!response.IsSuccessStatusCode) return new(status, Ended(), null, null, null, 0, await response.Content.ReadAsStringAsync(cancellation));
            var (first, made) = await ReadAsync(response, Passed, cancellation);
            return new(status, Ended(), first, null, null, made ?? 0, made is null ? "the stream ended without its note" : null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || e is OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            return new(status, Ended(), null, null, null, 0, e.Message);
        }

        double Passed() => _clock.GetElapsedTime(sent).TotalMilliseconds;
        double Ended() => _clock.GetElapsedTime(began).TotalSeconds;
    }

    private static async Task<(double? FirstMs, int? Tokens)> ReadAsync(HttpResponseMessage response, Func<double> passed, CancellationToken cancellation)
    {
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellation));
        var (first, made) = (default(double?), default(int?));
        while (await lines.ReadLineAsync(cancellation) is { } line)
        {
            if (!line.StartsWith("data: {", StringComparison.Ordinal)) continue; // a comment tells the place in the queue
            first ??= passed();
            if (!line.Contains("\"moss\":{", StringComparison.Ordinal)) continue;
            made = JsonNode.Parse(line["data: ".Length..])!["moss"]!["completion_tokens"]!.GetValue<int>();
        }
        return (first, made);
    }
}
