using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Moss.Annotate.Tests.Setup;

/// <summary>A model server that says what the test wrote: pieces, and how the reply ends.</summary>
public sealed class ScriptedServe : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ScriptedServe(WebApplication app) => _app = app;

    public Uri Url => new(_app.Urls.First());

    /// <summary>What is said, piece by piece.</summary>
    public IReadOnlyList<string> Pieces { get; set; } = ["The Matrix ", "was directed ", "by the Wachowskis."];

    public TimeSpan Pause { get; set; } = TimeSpan.Zero;
    public string Checkpoint { get; set; } = "starter";

    /// <summary>The connection is cut after the pieces.</summary>
    public bool Cut { get; set; }

    /// <summary>Answered instead of a reply, with this sentence.</summary>
    public (int Status, string Message)? Refusal { get; set; }

    /// <summary>Comment lines before the first piece, each after <see cref="Pause"/>.</summary>
    public IReadOnlyList<string> Comments { get; set; } = [];

    /// <summary>So many requests are first told to come back in a second.</summary>
    public int BusyFirst { get; set; }

    /// <summary>The last request's body.</summary>
    public JsonElement Asked { get; private set; }

    public int Requests { get; private set; }

    /// <summary>Completes when a client went away before the end.</summary>
    public TaskCompletionSource ClientLeft { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static async Task<ScriptedServe> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var serve = new ScriptedServe(app);
        app.Run(serve.AnswerAsync);
        await app.StartAsync();
        return serve;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        Requests++;
        Asked = (await JsonDocument.ParseAsync(context.Request.Body)).RootElement.Clone();
        if (Requests <= BusyFirst)
        {
            (context.Response.StatusCode, context.Response.Headers.RetryAfter) = (429, "1");
            return;
        }
        if (Refusal is { } refusal)
        {
            context.Response.StatusCode = refusal.Status;
            await context.Response.WriteAsJsonAsync(new { error = new { message = refusal.Message, type = "x" } });
            return;
        }
        context.Response.ContentType = "text/event-stream";
        try
        {
            foreach (var comment in Comments)
            {
                await context.Response.WriteAsync($"{comment}\n\n", context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
                await Task.Delay(Pause, context.RequestAborted);
            }
            foreach (var piece in Pieces)
            {
                await SayAsync(context, new { model = Checkpoint, choices = new[] { new { index = 0, delta = new { content = piece } } } });
                await Task.Delay(Pause, context.RequestAborted);
            }
        }
        catch (OperationCanceledException)
        {
            ClientLeft.TrySetResult();
            return;
        }
        if (Cut)
        {
            await Task.Delay(200); // so that what was sent is read: a reset may overtake it
            context.Abort();
            return;
        }
        await SayAsync(context, new
        {
            model = Checkpoint, choices = new[] { new { index = 0, delta = new { }, finish_reason = "stop" } },
            moss = new { checkpoint = Checkpoint, template_sha256 = new string('a', 64), seed = 7, stop_reason = "stop", prompt_tokens = 9, completion_tokens = 6, first_token_ms = 3.5, total_ms = 20.25, sum_log_prob = -1.5 },
        });
        await context.Response.WriteAsync("data: [DONE]\n\n");
    }

    private static async Task SayAsync(HttpContext context, object chunk)
    {
        await context.Response.WriteAsync($"data: {JsonSerializer.Serialize(chunk)}\n\n", context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
