using System.Net;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Moss.Annotate.Features.Conversations.Talking;

/// <summary>The model server, asked over its OpenAI-compatible interface; replies arrive piece by piece.</summary>
public sealed class MossServer(HttpClient http)
{
    /// <summary>Longest silence between two pieces before the reply counts as cut off.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromMinutes(2);

    private static readonly JsonSerializerOptions SnakeCase = new(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Streams one reply. Every way in which it can fail is a <see cref="MossServerException"/>.</summary>
    public async IAsyncEnumerable<ReplyPiece> ReplyAsync(
        string model, IReadOnlyList<ChatLine> lines, Sampling sampling, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Silence);
        using var response = await SendAsync(model, lines, sampling, patience.Token, cancellation);
        await using var stream = await response.Content.ReadAsStreamAsync(patience.Token);
        var events = SseParser.Create(stream, (_, bytes) => bytes.Length == 0 || bytes.SequenceEqual("[DONE]"u8) ? null : Parse(bytes))
            .EnumerateAsync(patience.Token).GetAsyncEnumerator(patience.Token);
        await using var _ = events;
        var ended = false;
        while (await NextAsync(events, cancellation))
        {
            patience.CancelAfter(Silence);
            if (events.Current.Data is not { } chunk) break; // [DONE]
            if (chunk.Error is { } error) throw new MossServerException(ServerTrouble.Refused, error.Message);
            if (chunk.Choices is [{ Delta.Content: { Length: > 0 } text }, ..]) yield return new TextPiece(chunk.Model ?? "", text);
            if (chunk.Moss is not { } figures) continue;
            ended = true;
            yield return new EndPiece(chunk.Model ?? "", figures);
        }
        if (!ended) throw new MossServerException(ServerTrouble.CutOff, "the stream ended before the reply did");
    }

    private async Task<HttpResponseMessage> SendAsync(
        string model, IReadOnlyList<ChatLine> lines, Sampling sampling, CancellationToken patience, CancellationToken cancellation)
    {
        var body = new
        {
            model, messages = lines, stream = true,
            sampling.Temperature, sampling.TopP, sampling.Seed, sampling.MaxTokens,
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = JsonContent.Create(body, options: SnakeCase) };
        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested && e is HttpRequestException or OperationCanceledException)
        {
            throw new MossServerException(ServerTrouble.Unreachable, e.GetBaseException().Message, e);
        }
        if (response.IsSuccessStatusCode) return response;

        using (response)
        {
            var trouble = response.StatusCode switch
            {
                HttpStatusCode.TooManyRequests => ServerTrouble.Busy,
                HttpStatusCode.ServiceUnavailable => ServerTrouble.NotReady,
                _ => ServerTrouble.Refused,
            };
            throw new MossServerException(trouble, await ReasonAsync(response, patience));
        }
    }

    private static async Task<bool> NextAsync(IAsyncEnumerator<SseItem<Chunk?>> events, CancellationToken cancellation)
    {
        try
        {
            return await events.MoveNextAsync();
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested && e is IOException or HttpRequestException or OperationCanceledException or JsonException)
        {
            throw new MossServerException(ServerTrouble.CutOff, e.GetBaseException().Message, e);
        }
    }

    private static async Task<string> ReasonAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var text = await response.Content.ReadAsStringAsync(cancellation);
        try
        {
            return JsonSerializer.Deserialize<Chunk>(text, SnakeCase)?.Error?.Message ?? $"HTTP {(int)response.StatusCode}";
        }
        catch (JsonException)
        {
            return $"HTTP {(int)response.StatusCode}";
        }
    }

    private static Chunk? Parse(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize<Chunk>(json, SnakeCase);

    private sealed record Chunk(string? Model, List<Choice>? Choices, ReplyFigures? Moss, ServerError? Error);

    private sealed record Choice(Delta? Delta, string? FinishReason);

    private sealed record Delta(string? Content);

    private sealed record ServerError(string Message);
}
