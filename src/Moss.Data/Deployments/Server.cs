namespace Moss.Data.Deployments;

public enum ServerKind { Moss, Vllm, Openai }

/// <summary>A model server and what it really has loaded, in its own words.</summary>
public sealed class Server
{
    public required string Url { get; init; }
    public required ServerKind Kind { get; init; }
    public DateTimeOffset SeenAt { get; set; }

    /// <summary>JSON array of {"name","checkpoint_id","checkpoint","manifest_sha256","since"}.</summary>
    public string Loaded { get; set; } = "[]";

    /// <summary>Why the newest deployment could not be loaded; null when it could.</summary>
    public string? Error { get; set; }
}
