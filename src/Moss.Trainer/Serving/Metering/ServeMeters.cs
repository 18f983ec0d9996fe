using System.Collections.Concurrent;
using System.Globalization;

namespace Moss.Trainer.Serving.Metering;

/// <summary>What the server counts about its work; written out in Prometheus' text format.</summary>
internal sealed class ServeMeters(TimeProvider clock)
{
    private readonly ConcurrentDictionary<(string Path, string Outcome), long> _requests = [];
    private readonly RecentRate _rate = new(clock);
    private long _generated, _prompt, _cached, _asked, _found;

    private readonly Histogram _batch = new("moss_batch_size", "Replies that got a token in the same step.", 1, 2, 4, 8, 12, 16, 24, 32, 64, 128, 256);

    private readonly Histogram _firstToken = new("moss_time_to_first_token_seconds", "From the request's arrival to its first token, the queue included.",
        .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40, 60, 120);

    private readonly Histogram _perToken = new("moss_time_per_token_seconds", "Mean over a reply's tokens after the first.",
        .001, .002, .005, .01, .02, .05, .1, .2, .5, 1);

    private readonly Histogram _waited = new("moss_queue_seconds", "From the request's arrival to a place among the replies in progress.",
        .001, .01, .1, .5, 1, 2.5, 5, 10, 20, 40, 60, 120);

    public void Request(string path, string outcome) => _requests.AddOrUpdate((path, outcome), 1, (_, count) => count + 1);

    /// <summary>One step gave each of so many replies a token.</summary>
    public void Step(int replies)
    {
        _batch.Add(replies);
        Tokens(replies);
    }

    /// <summary>Tokens that were made.</summary>
    public void Tokens(int count)
    {
        Interlocked.Add(ref _generated, count);
        _rate.Add(count);
    }

    /// <summary>A prompt was taken up, of which an earlier turn had read some.</summary>
    public void Prompt(int cachedTokens)
    {
        Interlocked.Increment(ref _asked);
        if (cachedTokens > 0) Interlocked.Increment(ref _found);
        Interlocked.Add(ref _cached, cachedTokens);
    }

    public void Ended(ReplyEnd end)
    {
        Interlocked.Add(ref _prompt, end.PromptTokens);
        _waited.Add(end.BegunMs / 1_000);
        _firstToken.Add(end.FirstTokenMs / 1_000);
        if (end.CompletionTokens > 1) _perToken.Add((end.TotalMs - end.FirstTokenMs) / 1_000 / (end.CompletionTokens - 1));
    }

    public void Write(TextWriter to, IEnumerable<(string Name, string Help, double Value)> gauges, long swaps)
    {
        Head(to, "moss_requests_total", "Requests that have ended, by address and outcome.", "counter");
        foreach (var ((path, outcome), count) in _requests.OrderBy(r => r.Key))
            to.Write($"moss_requests_total{{path=\"{path}\",outcome=\"{outcome}\"}} {count}\n");
        One(to, "moss_generated_tokens_total", "Tokens made.", "counter", Interlocked.Read(ref _generated));
        One(to, "moss_prompt_tokens_total", "Tokens of the prompts of replies that have ended.", "counter", Interlocked.Read(ref _prompt));
        One(to, "moss_prefix_lookups_total", "Prompts that were taken up.", "counter", Interlocked.Read(ref _asked));
        One(to, "moss_prefix_hits_total", "Of these, those whose beginning an earlier turn had read.", "counter", Interlocked.Read(ref _found));
        One(to, "moss_prefix_tokens_total", "Prompt tokens that did not have to be read again.", "counter", Interlocked.Read(ref _cached));
        One(to, "moss_swaps_total", "Times that a deployment name got another checkpoint.", "counter", swaps);
        One(to, "moss_tokens_per_second", "Tokens made a second, over the last ten seconds.", "gauge", _rate.PerSecond);
        foreach (var (name, help, value) in gauges) One(to, name, help, "gauge", value);
        foreach (var histogram in (Histogram[])[_batch, _waited, _firstToken, _perToken]) histogram.Write(to);
    }

    private static void Head(TextWriter to, string name, string help, string type) => to.Write($"# HELP {name} {help}\n# TYPE {name} {type}\n");

    private static void One(TextWriter to, string name, string help, string type, double value)
    {
        Head(to, name, help, type);
        to.Write(string.Create(CultureInfo.InvariantCulture, $"{name} {value}\n"));
    }
}
