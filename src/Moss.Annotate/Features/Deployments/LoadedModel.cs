using System.Text.Json;

namespace Moss.Annotate.Features.Deployments;

/// <summary>What a server says it has loaded under a name, and since when.</summary>
public sealed record LoadedModel(string Name, Guid? CheckpointId, string Checkpoint, string? ManifestSha256, DateTimeOffset? Since)
{
    private static readonly JsonSerializerOptions SnakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Reads a server's report; null when it cannot be read, because another kind of server wrote it.</summary>
    public static IReadOnlyList<LoadedModel>? Parse(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<List<LoadedModel>>(json, SnakeCase);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
