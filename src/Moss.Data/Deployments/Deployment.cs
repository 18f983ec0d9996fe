namespace Moss.Data.Deployments;

/// <summary>The fact that a checkpoint began to serve under a name: when, why, by whom. Only ever added; the newest of a name holds.</summary>
public sealed class Deployment
{
    public const string Champion = "champion";
    public const string Challenger = "challenger";

    public Guid Id { get; init; } = Guid.CreateVersion7();
    public required string Name { get; init; }
    public required Guid CheckpointId { get; init; }

    /// <summary>Share of new conversations that get it, 0 to 1.</summary>
    public double Share { get; init; } = 1;

    public required DateTimeOffset StartedAt { get; init; }
    public required string Reason { get; init; }

    /// <summary>The person, or null when the schedule did it.</summary>
    public Guid? By { get; init; }
}
