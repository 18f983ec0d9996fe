using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Moss.Annotate.Features.Conversations.Talking;

/// <summary>The model server, asked over its OpenAI-compatible interface; replies arrive piece by piece.</summary>
public sealed class MossServer(HttpClient http)
{
    /// <summary>Longest silence between two pieces before the reply counts as cut off.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromMinutes(2);

    /// <summary>Longest time that a full queue is asked again before the person is told.</summary>
    private static readonly TimeSpan LongestAskingAgain = TimeSpan.FromMinutes(2);

    private const string Data = "data:", Queue = ": queue ";

    private static readonly JsonSerializerOptions SnakeCase = new(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Streams one reply. Every way in which it can fail is a <see cref="MossServerException"/>.</summary>
    public async IAsyncEnumerable<ReplyPiece> ReplyAsync(
        string model, IReadOnlyList<ChatLine> lines, Sampling sampling, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        HttpResponseMessage? sent = null;
        for (var asked = Stopwatch.StartNew(); sent is null;)
        {
            patience.CancelAfter(Silence);
            (sent, var again) = await SendAsync(model, lines, sampling, asked.Elapsed < LongestAskingAgain, patience.Token, cancellation);
            if (sent is not null) break;
            yield return new PlacePiece(null);
            patience.CancelAfter(Timeout.InfiniteTimeSpan);
            await Task.Delay(again, cancellation);
        }
        using var response = sent;
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(patience.Token));
        var ended = false;
        while (await LineAsync(reader, patience.Token, cancellation) is { } line)
        {
            patience.CancelAfter(Silence);
            if (Place(line) is { } place) yield return new PlacePiece(place);
            if (!line.StartsWith(Data, StringComparison.Ordinal)) continue; // other comments, and what parts the events
            var data = line.AsMemory(Data.Length).Trim();
            if (data.Span.SequenceEqual("[DONE]")) break;
            var chunk = Parse(data.Span);
            if (chunk.Error is { } error) throw new MossServerException(ServerTrouble.Refused, error.Message);
            if (chunk.Choices is [{ Delta.Content: { Length: > 0 } text }, ..]) yield return new TextPiece(chunk.Model ?? "", text);
            if (chunk.Moss is not { } figures) continue;
            ended = true;
            yield return new EndPiece(chunk.Model ?? "", figures);
        }
        if (!ended) throw new MossServerException(ServerTrouble.CutOff, "the stream ended before the reply did");
    }

    /// <returns>The answer; or none and when to ask again, as long as asking again is wanted and the queue is full.</returns>
    private async Task<(HttpResponseMessage? Answer, TimeSpan Again)> SendAsync(
        string model, IReadOnlyList<ChatLine> lines, Sampling sampling, bool askAgain, CancellationToken patience, CancellationToken cancellation)
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
        if (response.IsSuccessStatusCode) return (response, default);

        using (response)
        {
            if (askAgain && response.StatusCode == HttpStatusCode.TooManyRequests && response.Headers.RetryAfter?.Delta is { } wait && wait < LongestAskingAgain)
                return (null, wait);
            var trouble = response.StatusCode switch
            {
                HttpStatusCode.TooManyRequests => ServerTrouble.Busy,
                HttpStatusCode.ServiceUnavailable => ServerTrouble.NotReady,
                _ => ServerTrouble.Refused,
            };
            throw new MossServerException(trouble, await ReasonAsync(response, patience));
        }
    }

    private static async Task<string?> LineAsync(StreamReader reader, CancellationToken patience, CancellationToken cancellation)
    {
        try
        {
            return await reader.ReadLineAsync(patience);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested && e is IOException or HttpRequestException or OperationCanceledException)
        {
            throw new MossServerException(ServerTrouble.CutOff, e.GetBaseException().Message, e);
        }
    }

    /// <summary>The place in the queue that a comment line tells; 0 once it is over.</summary>
    private static int? Place(string line) =>
        line.StartsWith(Queue, StringComparison.Ordinal) && int.TryParse(line.AsSpan(Queue.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var place) ? place
        : line == ": reading" ? 0 : null;

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

    private static Chunk Parse(ReadOnlySpan<char> json)
    {
        try
        {
            return JsonSerializer.Deserialize<Chunk>(json, SnakeCase) ?? new Chunk(null, null, null, null);
        }
        catch (JsonException e)
        {
            throw new MossServerException(ServerTrouble.CutOff, e.Message, e);
        }
    }

    private sealed record Chunk(string? Model, List<Choice>? Choices, ReplyFigures? Moss, ServerError? Error);

    private sealed record Choice(Delta? Delta, string? FinishReason);

    private sealed record Delta(string? Content);

    private sealed record ServerError(string Message);
}
