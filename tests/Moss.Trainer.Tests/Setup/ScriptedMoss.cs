using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Moss.Trainer.Tests.Setup;

/// <summary>A model server that answers what it was told to, over real HTTP, and remembers what it was asked.</summary>
internal sealed class ScriptedMoss : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Func<JsonElement, int, Task<string>> _answer;
    private readonly Guid _checkpoint;
    private int _asked;

    private ScriptedMoss(Guid checkpoint, Func<JsonElement, int, Task<string>> answer)
    {
        (_checkpoint, _answer) = (checkpoint, answer);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapPost("/v1/chat/completions", AnswerAsync);
    }

    /// <summary>The last user message of every request.</summary>
    public ConcurrentQueue<string> Questions { get; } = new();

    public ConcurrentQueue<JsonElement> Requests { get; } = new();

    public Uri Address => new(_app.Urls.First());

    /// <param name="answer">From the request and its number (from 0) to the reply; throws to answer 500.</param>
    public static async Task<ScriptedMoss> StartAsync(Guid checkpoint, Func<JsonElement, int, Task<string>> answer)
    {
        var moss = new ScriptedMoss(checkpoint, answer);
        await moss._app.StartAsync();
        return moss;
    }

    public static Task<ScriptedMoss> StartAsync(Guid checkpoint, params string[] answers) =>
        StartAsync(checkpoint, (_, number) => Task.FromResult(answers[Math.Min(number, answers.Length - 1)]));

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task<IResult> AnswerAsync(JsonElement request)
    {
        Requests.Enqueue(request);
        Questions.Enqueue(request.GetProperty("messages").EnumerateArray().Last().GetProperty("content").GetString()!);
        var text = await _answer(request, Interlocked.Increment(ref _asked) - 1);
        var moss = new
        {
            checkpoint = "tiny", checkpoint_id = _checkpoint, manifest_sha256 = "", template_sha256 = new string('0', 64),
            seed = request.TryGetProperty("seed", out var seed) ? seed.GetInt64() : 1,
            stop_reason = "stop", prompt_tokens = 10, completion_tokens = 5, first_token_ms = 1.5, total_ms = 3.5, sum_log_prob = -1.25, dropped_turns = 0,
        };
        if (!request.GetProperty("stream").GetBoolean())
            return Results.Json(new { model = "tiny", choices = new[] { new { index = 0, message = new { role = "assistant", content = text }, finish_reason = "stop" } }, moss });
        object[] chunks =
        [
            .. text.Select(c => (object)new { model = "tiny", choices = new[] { new { index = 0, delta = new { content = c.ToString() } } } }),
            new { model = "tiny", choices = new[] { new { index = 0, delta = new { }, finish_reason = "stop" } }, moss },
        ];
        return Results.Text(string.Concat(chunks.Select(c => $"data: {JsonSerializer.Serialize(c)}\n\n")) + "data: [DONE]\n\n", "text/event-stream");
    }
}
