namespace Moss.Data.Audit;

/// <summary>Who did what when; each row carries the hash of the one before, so that a missing or changed row shows.</summary>
public sealed class AuditEntry
{
    public long Id { get; private set; }
    public required DateTimeOffset At { get; init; }

    /// <summary>An annotator's display name, or "schedule", "work", "serve".</summary>
    public required string Who { get; init; }

    /// <summary>Verb in the past: deployed, rolled_back, froze, queued, canceled, role_changed, imported, exported.</summary>
    public required string Action { get; init; }

    public required string Subject { get; init; }
    public required string Details { get; init; }
    public required string PreviousSha256 { get; init; }
    public required string Sha256 { get; init; }
}
