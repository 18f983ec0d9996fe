using System.Text.Json;
using System.Text.Json.Serialization;

namespace Moss.Trainer.Training;

/// <summary>One line that the training child writes for its parent.</summary>
/// <param name="Phase">loading, training, publishing.</param>
/// <param name="Failed">Why the run cannot go on, in a sentence for people.</param>
internal sealed record ChildReport(string? Phase = null, int? Step = null, int? TotalSteps = null, double? Loss = null, string? Failed = null)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public override string ToString() => JsonSerializer.Serialize(this, Json);

    /// <summary>Null for a line that is none of ours: libraries may print.</summary>
    public static ChildReport? Parse(string line)
    {
        try
        {
            return line.StartsWith('{') ? JsonSerializer.Deserialize<ChildReport>(line, Json) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>How the training child ends when it ends by itself.</summary>
internal enum ChildExit
{
    /// <summary>The checkpoint is published.</summary>
    Published = 0,

    /// <summary>The run cannot be done; the reason was reported.</summary>
    Failed = 2,

    /// <summary>It was asked to stop, or the database stayed away; it goes on from its newest saved state.</summary>
    Stopped = 3,

    /// <summary>The run was canceled or is another worker's by now.</summary>
    Lost = 4,

    /// <summary>Memory ran out where nothing smaller could be tried in this process; a new one begins with the least.</summary>
    OutOfMemory = 5,
}
