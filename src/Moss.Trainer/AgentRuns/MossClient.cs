using System.Net;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Moss.Trainer.AgentRuns;

/// <summary>A message on its way to a model: role system, user or assistant.</summary>
internal sealed record Said(string Role, string Content);

/// <summary>How MOSS is asked; null leaves it to the server.</summary>
internal sealed record Asking(
    string Model, IReadOnlyList<Said> Messages, double? Temperature = null, double? TopP = null, int? TopK = null, long? Seed = null,
    IReadOnlyList<string>? Stop = null, int? MaxTokens = null, bool Stream = false);

/// <summary>What the server says about a reply once it is whole (CONTRACT, "The stream").</summary>
internal sealed record ReplyFacts(
    string Checkpoint, Guid CheckpointId, string? TemplateSha256, long? Seed, string StopReason, int PromptTokens, int CompletionTokens,
    double? FirstTokenMs, double? TotalMs, double? SumLogProb, int DroppedTurns);

internal sealed record Answer(string Text, ReplyFacts Facts);

/// <summary>The server will not answer: it refused, or the reply broke off. The message says why.</summary>
internal sealed class AskingException(string sentence) : IOException(sentence);

/// <summary>MOSS over HTTP, as anybody else would speak with it.</summary>
internal sealed class MossClient(HttpClient http)
{
    /// <summary>The key to send, where `serve` asks for one.</summary>
    public const string KeyVariable = "MOSS_SERVE_KEY";

    /// <summary>Makes a client ask this server, with the key of the environment if there is one.</summary>
    public static void Address(HttpClient http, Uri serve, TimeSpan timeout)
    {
        (http.BaseAddress, http.Timeout) = (serve, timeout);
        if (Environment.GetEnvironmentVariable(KeyVariable) is { Length: > 0 } key) http.DefaultRequestHeaders.Authorization = new("Bearer", key);
    }

    private const string Path = "/v1/chat/completions";
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(0.2), LongestPause = TimeSpan.FromSeconds(5);

    internal static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private sealed record Message(string? Content);
    private sealed record Choice(Message? Message, Message? Delta);
    private sealed record Body(IReadOnlyList<Choice>? Choices, ReplyFacts? Moss, Error? Error);
    private sealed record Error(string? Message);

    /// <summary>The whole reply. A server that is away or busy is asked again until patience is over.</summary>
    /// <exception cref="AskingException">The server will not answer this, and says why.</exception>
    public async Task<Answer> AskAsync(Asking asking, TimeSpan patience, TimeProvider clock, CancellationToken cancellation)
    {
        var started = clock.GetTimestamp();
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            TimeSpan wait;
            string problem;
            try
            {
                using var response = await http.PostAsJsonAsync(Path, asking with { Stream = false }, Json, cancellation);
                if (response.IsSuccessStatusCode)
                {
                    var body = await response.Content.ReadFromJsonAsync<Body>(Json, cancellation);
                    return body is { Choices: [{ Message: { } message }, ..], Moss: { } facts } ? new Answer(message.Content ?? "", facts)
                        : throw new AskingException($"The server at {http.BaseAddress} answered without a reply or without its `moss` object. It is not a MOSS server.");
                }
                problem = await ProblemAsync(response, cancellation);
                if (response.StatusCode is not (HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError)) throw new AskingException(problem);
                wait = response.Headers.RetryAfter?.Delta is { } after && after > pause ? after : pause;
            }
            catch (Exception e) when (e is HttpRequestException or IOException and not AskingException)
            {
                (problem, wait) = ($"The model server at {http.BaseAddress} cannot be reached ({e.Message}).", pause);
            }
            if (clock.GetElapsedTime(started) + wait > patience)
                throw new AskingException($"{problem} Gave up after {patience.TotalSeconds:F0} s.");
            await Task.Delay(wait, clock, cancellation);
        }
    }

    /// <summary>The reply piece by piece; the last piece is empty and carries the facts.</summary>
    /// <exception cref="AskingException">The server will not answer, or the reply broke off.</exception>
    public async IAsyncEnumerable<(string Piece, ReplyFacts? Facts)> StreamAsync(Asking asking, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = JsonContent.Create(asking with { Stream = true }, options: Json) };
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (!response.IsSuccessStatusCode) throw new AskingException(await ProblemAsync(response, cancellation));
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellation));
        while (await lines.ReadLineAsync(cancellation) is { } line)
        {
            if (!line.StartsWith("data: ", StringComparison.Ordinal)) continue;
            if (line == "data: [DONE]") yield break;
            var chunk = JsonSerializer.Deserialize<Body>(line.AsSpan(6), Json)!;
            if (chunk.Error is { } error) throw new AskingException(error.Message ?? "The reply broke off.");
            if (chunk.Choices is [{ Delta.Content: { Length: > 0 } piece }, ..]) yield return (piece, null);
            if (chunk.Moss is { } facts) yield return ("", facts);
        }
        throw new AskingException("The model server went away in the middle of the reply.");
    }

    private static async Task<string> ProblemAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var text = await response.Content.ReadAsStringAsync(cancellation);
        try
        {
            if (JsonSerializer.Deserialize<Body>(text, Json)?.Error?.Message is { } message) return message;
        }
        catch (JsonException)
        {
            // not our server's words; the status must do
        }
        return $"The model server answered {(int)response.StatusCode} {response.ReasonPhrase}.";
    }
}
