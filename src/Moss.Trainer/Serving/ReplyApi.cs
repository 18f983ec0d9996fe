using System.Text;
using Moss.Model.Generation;
using Moss.Trainer.Serving.Metering;

namespace Moss.Trainer.Serving;

/// <summary>POST /v1/chat/completions and /v1/completions: a conversation or texts in, replies out, whole or as they grow.</summary>
internal static class ReplyApi
{
    public static void MapReplies(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/chat/completions", (HttpContext http, ReplyStart start, ReplyLoop loop, TimeProvider clock) =>
            AnswerAsync(http, ChatRequestReader.Read, start, loop, clock));
        routes.MapPost("/v1/completions", (HttpContext http, ReplyStart start, ReplyLoop loop, TimeProvider clock) =>
            AnswerAsync(http, TextRequestReader.Read, start, loop, clock));
    }

    private static async Task AnswerAsync(HttpContext http, Func<JsonFields, ReplyRequest> read, ReplyStart start, ReplyLoop loop, TimeProvider clock)
    {
        var (receivedAt, now) = (clock.GetTimestamp(), clock.GetUtcNow());
        using var span = Tracing.Source.StartActivity("moss.request", System.Diagnostics.ActivityKind.Server);
        var request = await RequestBody.ReadAsync(http, read);
        span?.SetTag("gen_ai.request.model", request.Model);
        using var group = await start.BeginAsync(request, http.CallerName(), receivedAt, http.RequestAborted);
        var tokenizer = group.Checkpoint.Loaded.Tokenizer;
        ReplyForm form = request.Messages is null ? new TextForm(tokenizer) : new ChatForm(tokenizer);
        var head = new ReplyJson.Completion($"{form.IdPrefix}{Guid.CreateVersion7():N}", form.Kind(request.Stream),
            now.ToUnixTimeSeconds(), group.Checkpoint.Name, []);
        try
        {
            await (request.Stream
                ? new ReplyStream(http, group, form, head, loop).WriteAsync(request.IncludeUsage)
                : WholeAsync(http, group, form, head));
        }
        finally
        {
            Tracing.Tell(span, now, group);
            Log(http, group, request);
        }
    }

    private static async Task WholeAsync(HttpContext http, ReplyGroup group, ReplyForm form, ReplyJson.Completion head)
    {
        var texts = group.Replies.Select(_ => new StringBuilder()).ToList();
        var chosen = group.Replies.Select(r => r.Sampling.Likeliest is null ? null : new List<ChosenToken>()).ToList();
        await foreach (var piece in group.Pieces.ReadAllAsync(http.RequestAborted))
        {
            texts[piece.Reply.Index].Append(piece.Text);
            chosen[piece.Reply.Index]?.AddRange(piece.Chosen);
        }
        await http.Response.WriteAsJsonAsync(head with
        {
            Choices = [.. group.Replies.Select((r, i) => form.Whole(i, texts[i].ToString(), chosen[i], ReplyJson.FinishReason(r.Ended!)))],
            Usage = ReplyJson.Count(group),
            Moss = ReplyJson.Note(group, group.Replies[0].Ended!),
        }, ReplyJson.Options, http.RequestAborted);
    }

    /// <summary>One line for each request; the trace it belongs to stands in the line's scope.</summary>
    private static void Log(HttpContext http, ReplyGroup group, ReplyRequest request)
    {
        var logger = http.RequestServices.GetRequiredService<ILogger<Reply>>();
        if (!logger.IsEnabled(LogLevel.Information)) return;
        var outcome = http.Features.Get<MeteringSetup.Outcome>()?.Word
            ?? (http.RequestAborted.IsCancellationRequested ? "abandoned" : group.Replies.All(r => r.Ended is not null) ? "ok" : "failed");
        var first = group.Replies[0].Ended;
        logger.LogInformation(
            "{Path} for {Caller} by {Checkpoint}: {Outcome}; {Replies} replies, {Tokens} tokens with the prompts, " +
            "queue {QueueMs:F0} ms, first token {FirstTokenMs:F0} ms, {TotalMs:F0} ms",
            http.Request.Path.Value, http.CallerName(), group.Checkpoint.Name, outcome, request.ReplyCount,
            group.Replies.Sum(r => r.TokensSoFar), first?.BegunMs, first?.FirstTokenMs, group.Replies[0].Milliseconds);
    }
}
