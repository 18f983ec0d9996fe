using System.Diagnostics;

namespace Moss.Trainer.Serving;

/// <summary>A request's spans, from its arrival to the last token; a `traceparent` that came with it is their parent.</summary>
internal static class Tracing
{
    public const string Name = "Moss.Serve";

    public static readonly ActivitySource Source = new(Name);

    /// <summary>Tells, once a request has ended, where its time went: each reply's wait, its prompt and its tokens.</summary>
    /// <param name="arrived">When the request came, which all times of its replies count from.</param>
    public static void Tell(Activity? request, DateTimeOffset arrived, ReplyGroup group)
    {
        if (request is null) return;
        request.SetTag("moss.checkpoint", group.Checkpoint.Name);
        foreach (var reply in group.Replies)
        {
            if (reply.Ended is not { } end)
            {
                request.SetStatus(ActivityStatusCode.Error, reply.Failure?.Message ?? "given up");
                continue;
            }
            Span("moss.queue", 0, end.BegunMs, []);
            Span("moss.prompt", end.BegunMs, end.FirstTokenMs,
                [new("gen_ai.usage.input_tokens", end.PromptTokens), new("moss.cached_tokens", end.CachedTokens)]);
            Span("moss.tokens", end.FirstTokenMs, end.TotalMs,
                [new("gen_ai.usage.output_tokens", end.CompletionTokens), new("moss.stop_reason", end.StopReason)]);
        }

        // The tags are there from the start: a listener sees a span when it stops, and not again.
        void Span(string name, double fromMs, double toMs, KeyValuePair<string, object?>[] tags)
        {
            using var span = Source.StartActivity(name, ActivityKind.Internal, request.Context, tags, startTime: arrived.AddMilliseconds(fromMs));
            span?.SetEndTime(arrived.AddMilliseconds(toMs).UtcDateTime);
        }
    }
}
