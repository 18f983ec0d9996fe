using System.Net;
using System.Text;
using System.Text.Json;

namespace Moss.Annotate.Tests.Loop;

/// <summary>A model server that answers each model by a script, in the stream that the real one writes.</summary>
public sealed class ScriptedServer : HttpMessageHandler
{
    public Dictionary<string, string> Answers { get; } = [];

    public HashSet<string> Busy { get; } = [];

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var body = JsonDocument.Parse(await request.Content!.ReadAsStringAsync(cancellationToken));
        var model = body.RootElement.GetProperty("model").GetString()!;
        if (Busy.Contains(model))
            return new HttpResponseMessage(HttpStatusCode.TooManyRequests) { Content = new StringContent("""{"error":{"message":"8 requests wait already."}}""") };

        var stream = new StringBuilder();
        foreach (var word in Answers[model].Split(' ')) Event(new { model, choices = new[] { new { delta = new { content = word + " " } } } });
        Event(new { model, choices = new[] { new { delta = new { }, finish_reason = "stop" } }, moss = new { stop_reason = "stop", completion_tokens = 7, total_ms = 120.0 } });
        stream.Append("data: [DONE]\n\n");
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(stream.ToString(), Encoding.UTF8, "text/event-stream") };

        void Event(object chunk) => stream.Append("data: ").Append(JsonSerializer.Serialize(chunk)).Append("\n\n");
    }
}
