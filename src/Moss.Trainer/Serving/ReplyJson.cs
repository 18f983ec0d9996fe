using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Moss.Trainer.Serving;

/// <summary>The shapes that go out: OpenAI's chat completion, whole and in chunks, each with our own "moss" at the end.</summary>
internal static class ReplyJson
{
    public static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // never inside HTML; Chinese stays readable and small
    };

    /// <summary>Everything that whoever stores the reply must know to make it again: CONTRACT "The stream".</summary>
    public sealed record Moss(
        string Checkpoint, Guid CheckpointId, string ManifestSha256, string TemplateSha256, long Seed, string StopReason, int PromptTokens,
        int CompletionTokens, double FirstTokenMs, double TotalMs, double SumLogProb, int DroppedTurns);

    public sealed record Usage(int PromptTokens, int CompletionTokens, int TotalTokens);

    public sealed record Message(string? Role, string? Content);

    public sealed record Choice(int Index, Message? Message, Message? Delta)
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.Never)] public string? FinishReason { get; init; }
    }

    public sealed record Completion(
        string Id, string Object, long Created, string Model, IReadOnlyList<Choice> Choices, Usage? Usage = null, Moss? Moss = null);

    public static Moss Note(ReplyEnd end, Reply reply, int droppedTurns) => new(
        reply.Checkpoint.Name, reply.Checkpoint.Id, reply.Checkpoint.ManifestSha256, reply.Checkpoint.Loaded.ChatTemplate.Sha256, reply.Sampling.Seed,
        end.StopReason, end.PromptTokens, end.CompletionTokens, Math.Round(end.FirstTokenMs, 2), Math.Round(end.TotalMs, 2), end.SumLogProb, droppedTurns);

    public static Usage Count(ReplyEnd end) => new(end.PromptTokens, end.CompletionTokens, end.PromptTokens + end.CompletionTokens);

    /// <summary>The interface knows "stop" and "length"; a stop string is a stop. Our own word stands in "moss".</summary>
    public static string FinishReason(ReplyEnd end) => end.StopReason == "length" ? "length" : "stop";

    /// <summary>As <see cref="Options"/>, with "param" and "code" present even when null, as clients of the interface expect.</summary>
    public static readonly JsonSerializerOptions ErrorOptions = new(Options) { DefaultIgnoreCondition = JsonIgnoreCondition.Never };

    public static object Error(ApiRefusal refusal) => new
    {
        error = new { message = refusal.Message, type = refusal.Type, param = refusal.Parameter, code = refusal.Code },
    };
}
