using System.Text.Json;

namespace Moss.Trainer.Serving;

/// <summary>POST /v1/chat/completions: a conversation in, the next reply out, whole or as it grows.</summary>
internal static class ChatApi
{
    private static readonly byte[] DataPrefix = "data: "u8.ToArray(), EventEnd = "\n\n"u8.ToArray(), Done = "data: [DONE]\n\n"u8.ToArray();

    public static void MapChat(this IEndpointRouteBuilder routes) => routes.MapPost("/v1/chat/completions", AnswerAsync);

    private static async Task AnswerAsync(HttpContext http, ReplyStart start, TimeProvider clock)
    {
        var receivedAt = clock.GetTimestamp();
        var request = ChatRequestReader.Read(await BodyAsync(http));
        var (reply, droppedTurns) = await start.BeginAsync(request, receivedAt, http.RequestAborted);
        var head = new ReplyJson.Completion($"chatcmpl-{Guid.CreateVersion7():N}", request.Stream ? "chat.completion.chunk" : "chat.completion",
            clock.GetUtcNow().ToUnixTimeSeconds(), reply.Checkpoint.Name, []);
        await (request.Stream ? StreamAsync(http, request, reply, droppedTurns, head) : WholeAsync(http, reply, droppedTurns, head));
    }

    private static async Task<byte[]> BodyAsync(HttpContext http)
    {
        if (!http.Request.HasJsonContentType()) // also keeps other sites' forms out: a browser asks before it sends JSON across origins
            throw new ApiRefusal(415, "Send the request as 'Content-Type: application/json'.", code: "unsupported_media_type");
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        return body.ToArray();
    }

    private static async Task WholeAsync(HttpContext http, Reply reply, int droppedTurns, ReplyJson.Completion head)
    {
        var text = string.Concat(await reply.Pieces.ReadAllAsync(http.RequestAborted).ToListAsync(http.RequestAborted));
        var end = await reply.End;
        await http.Response.WriteAsJsonAsync(head with
        {
            Choices = [new(0, new("assistant", text), null) { FinishReason = ReplyJson.FinishReason(end) }],
            Usage = ReplyJson.Count(end),
            Moss = ReplyJson.Note(end, reply, droppedTurns),
        }, ReplyJson.Options, http.RequestAborted);
    }

    private static async Task StreamAsync(HttpContext http, ChatRequest request, Reply reply, int droppedTurns, ReplyJson.Completion head)
    {
        // Until the first piece is there, an error still gets the status it deserves.
        if (!await reply.Pieces.WaitToReadAsync(http.RequestAborted)) await reply.End;
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-cache";
        await SendAsync(http, head with { Choices = [new(0, null, new("assistant", ""))] });
        try
        {
            await foreach (var piece in reply.Pieces.ReadAllAsync(http.RequestAborted))
                await SendAsync(http, head with { Choices = [new(0, null, new(null, piece))] });
            var end = await reply.End;
            var last = head with { Choices = [new(0, null, new(null, null)) { FinishReason = ReplyJson.FinishReason(end) }] };
            if (request.IncludeUsage)
            {
                await SendAsync(http, last);
                last = head with { Usage = ReplyJson.Count(end) };
            }
            await SendAsync(http, last with { Moss = ReplyJson.Note(end, reply, droppedTurns) });
            await http.Response.Body.WriteAsync(Done, http.RequestAborted);
        }
        catch (Exception e) when (!http.RequestAborted.IsCancellationRequested)
        {
            // The status is long gone: say it in the stream, and send no [DONE], so that nobody takes the reply for whole.
            await SendAsync(http, ReplyJson.Error(e as ApiRefusal ?? new ApiRefusal(500, $"The reply broke off: {e.Message}")), ReplyJson.ErrorOptions);
        }
    }

    private static async Task SendAsync<T>(HttpContext http, T chunk, JsonSerializerOptions? options = null)
    {
        await http.Response.Body.WriteAsync(DataPrefix, http.RequestAborted);
        await JsonSerializer.SerializeAsync(http.Response.Body, chunk, options ?? ReplyJson.Options, http.RequestAborted);
        await http.Response.Body.WriteAsync(EventEnd, http.RequestAborted);
        await http.Response.Body.FlushAsync(http.RequestAborted);
    }
}
