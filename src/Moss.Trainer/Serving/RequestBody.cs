using System.Text.Json;
using Microsoft.Extensions.Options;

namespace Moss.Trainer.Serving;

/// <summary>A request's body, read within bounds of size, depth and time.</summary>
internal static class RequestBody
{
    /// <summary>Largest body, bytes: a full context many times over, and far from troubling the process.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>Deepest JSON that any valid request needs is 5 (messages, a message, its parts, a part, the text).</summary>
    private const int MaxDepth = 16;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };

    public static async Task<T> ReadAsync<T>(HttpContext http, Func<JsonFields, T> read) => Read(await BytesAsync(http), read);

    public static T Read<T>(ReadOnlyMemory<byte> body, Func<JsonFields, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(body, Strict);
            return read(new JsonFields(document.RootElement, ""));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the second: a name that is no valid Unicode
        {
            throw new ApiRefusal(400, $"The body is not the JSON that is expected here: {e.Message}", code: "invalid_json");
        }
    }

    private static async Task<ReadOnlyMemory<byte>> BytesAsync(HttpContext http)
    {
        if (!http.Request.HasJsonContentType()) // also keeps other sites' forms out: a browser asks before it sends JSON across origins
            throw new ApiRefusal(415, "Send the request as 'Content-Type: application/json'.", code: "unsupported_media_type");
        var seconds = http.RequestServices.GetRequiredService<IOptions<ServeOptions>>().Value.RequestSeconds;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var reader = http.Request.BodyReader;
        using var late = patience.Token.Register(reader.CancelPendingRead); // unlike a token, this leaves the connection in order
        using var body = new MemoryStream();
        while (true)
        {
            var piece = await reader.ReadAsync(http.RequestAborted);
            if (piece.IsCanceled)
            {
                reader.AdvanceTo(piece.Buffer.End);
                http.Response.Headers.Connection = "close";
                throw new ApiRefusal(408, $"The body did not arrive within {seconds} s. Send it faster.", code: "request_timeout");
            }
            foreach (var part in piece.Buffer) body.Write(part.Span);
            reader.AdvanceTo(piece.Buffer.End);
            if (piece.IsCompleted) return body.GetBuffer().AsMemory(0, (int)body.Length);
        }
    }
}
