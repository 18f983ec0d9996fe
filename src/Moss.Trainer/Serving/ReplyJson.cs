using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Moss.Trainer.Serving;

/// <summary>The shapes that go out: OpenAI's completions, whole and in chunks, each with our own "moss" at the end.</summary>
internal static class ReplyJson
{
    public static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // never inside HTML; Chinese stays readable and small
    };

    /// <summary>Everything that whoever stores the reply must know to make it again: CONTRACT "The stream". Of several replies, the first.</summary>
    public sealed record Moss(
        string Checkpoint, Guid CheckpointId, string ManifestSha256, string TemplateSha256, long Seed, string StopReason, int PromptTokens,
        int CompletionTokens, double FirstTokenMs, double TotalMs, double SumLogProb, int DroppedTurns);

    public sealed record PromptDetails(int CachedTokens);

    public sealed record Usage(int PromptTokens, int CompletionTokens, int TotalTokens, PromptDetails PromptTokensDetails);

    public sealed record Completion(
        string Id, string Object, long Created, string Model, IReadOnlyList<object> Choices, Usage? Usage = null, Moss? Moss = null);

    public static Moss Note(ReplyGroup group, ReplyEnd end) => new(
        group.Checkpoint.Name, group.Checkpoint.Id, group.Checkpoint.ManifestSha256, group.Checkpoint.Loaded.ChatTemplate.Sha256,
        group.Replies[0].Sampling.Seed, end.StopReason, end.PromptTokens, end.CompletionTokens, Math.Round(end.FirstTokenMs, 2),
        Math.Round(end.TotalMs, 2), end.SumLogProb, group.DroppedTurns);

    /// <summary>A prompt counts once, however many replies there are to it.</summary>
    public static Usage Count(ReplyGroup group)
    {
        List<ReplyEnd> ends = [.. group.Replies.Select(r => r.Ended!)];
        List<ReplyEnd> prompts = [.. ends.Where((_, i) => i % group.Choices == 0)];
        var (asked, made) = (prompts.Sum(e => e.PromptTokens), ends.Sum(e => e.CompletionTokens));
        return new(asked, made, asked + made, new(prompts.Sum(e => e.CachedTokens)));
    }

    /// <summary>The interface knows "stop" and "length"; a stop string is a stop. Our own word stands in "moss".</summary>
    public static string FinishReason(ReplyEnd end) => end.StopReason == "length" ? "length" : "stop";

    /// <summary>As <see cref="Options"/>, with "param" and "code" present even when null, as clients of the interface expect.</summary>
    public static readonly JsonSerializerOptions ErrorOptions = new(Options) { DefaultIgnoreCondition = JsonIgnoreCondition.Never };

    public static object Error(ApiRefusal refusal) => new
    {
        error = new { message = refusal.Message, type = refusal.Type, param = refusal.Parameter, code = refusal.Code },
    };
}
