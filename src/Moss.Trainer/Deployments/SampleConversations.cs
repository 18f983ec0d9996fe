using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Moss.Data.Datasets;
using Moss.Model.Text;

namespace Moss.Trainer.Deployments;

/// <summary>Reads conversations in OpenAI's chat JSONL, one {"messages": [{"role", "content"}]} per line.</summary>
internal static class SampleConversations
{
    public sealed record Sample(IReadOnlyList<ChatTurn> Turns, bool HeldOut);

    /// <summary>The share that freezing keeps for evaluation by default; what it keeps, the starter has never seen.</summary>
    private const double EvalShare = 0.1;

    private sealed record Line(IReadOnlyList<Said> Messages);

    private sealed record Said(string Role, string Content);

    private static readonly JsonSerializerOptions Web = new(JsonSerializerOptions.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    public static IReadOnlyList<Sample> Read(byte[] jsonl) => [.. Encoding.UTF8.GetString(jsonl).Split('\n').Select(Parse).OfType<Sample>()];

    private static Sample? Parse(string line, int index)
    {
        if (string.IsNullOrWhiteSpace(line)) return null;
        try
        {
            var turns = JsonSerializer.Deserialize<Line>(line, Web)!.Messages.Select(m => new ChatTurn(m.Role, m.Content)).ToList();
            return new(turns, SplitRule.IsHeldOut(turns.First(t => t.Role == ChatTurn.User).Text, EvalShare));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentNullException)
        {
            throw new InvalidDataException(
                $"samples/conversations.jsonl, line {index + 1}: {e.Message} " +
                $"Expected {{\"messages\": [{{\"role\": \"user\", \"content\": \"…\"}}, …]}}. Nothing was made.", e);
        }
    }
}
