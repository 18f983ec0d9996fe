using System.Globalization;

namespace Moss.Trainer.Serving.Metering;

/// <summary>GET /metrics, and the counting of requests.</summary>
internal static class MeteringSetup
{
    private static readonly string[] Counted = ["/v1/chat/completions", "/v1/completions", "/v1/models", "/tokenize"];

    /// <summary>What a request came to, where its status does not say it.</summary>
    public sealed class Outcome
    {
        public string? Word { get; set; }
    }

    public static IApplicationBuilder UseRequestCounts(this IApplicationBuilder app) => app.Use(async (http, next) =>
    {
        if (Counted.FirstOrDefault(path => http.Request.Path.StartsWithSegments(path, StringComparison.Ordinal)) is not { } counted)
        {
            await next(http);
            return;
        }
        var outcome = new Outcome();
        http.Features.Set(outcome);
        try
        {
            await next(http);
        }
        finally
        {
            var word = outcome.Word ?? (http.RequestAborted.IsCancellationRequested ? "abandoned" : http.Response.StatusCode switch
            {
                < 400 => "ok",
                401 => "no_key",
                404 => "no_model",
                429 => "busy",
                503 => "not_ready",
                >= 500 => "failed",
                _ => "invalid",
            });
            http.RequestServices.GetRequiredService<ServeMeters>().Request(counted, word);
        }
    });

    public static void MapMetrics(this IEndpointRouteBuilder routes) => routes.MapGet("/metrics", (ServeMeters meters, ReplyLoop loop, Roster roster) =>
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        meters.Write(text, Gauges(loop, roster), roster.Swaps);
        return Results.Text(text.ToString(), "text/plain; version=0.0.4");
    });

    private static IEnumerable<(string, string, double)> Gauges(ReplyLoop loop, Roster roster)
    {
        yield return ("moss_queue_length", "Replies that wait for a place.", loop.Waiting);
        yield return ("moss_in_progress", "Replies in progress.", loop.InProgress);
        yield return ("moss_expected_wait_seconds", "Time that a reply asked for now is expected to wait.", loop.Forecast().Place.TotalSeconds);
        yield return ("moss_kv_budget_bytes", "Memory for keys and values.", loop.KvBudget);
        yield return ("moss_kv_in_use_bytes", "Of these, set aside for the replies in progress.", loop.KvInUse);
        yield return ("moss_kv_kept_bytes", "Of these, kept for the next turns of conversations.",
            roster.InMemory.Sum(c => (double)c.Prefixes.Tokens * c.BytesPerToken));
        yield return ("moss_checkpoints_in_memory", "Checkpoints that can answer at once.", roster.InMemory.Count);
    }
}
