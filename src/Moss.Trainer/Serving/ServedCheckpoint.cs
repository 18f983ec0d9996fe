using Moss.Model.Checkpoints;

namespace Moss.Trainer.Serving;

/// <summary>A verified checkpoint in memory. How many replies use it is counted by the <see cref="Roster"/>.</summary>
internal sealed record ServedCheckpoint(Guid Id, string Name, LoadedCheckpoint Loaded, DateTimeOffset LoadedAt)
{
    public string ManifestSha256 => Loaded.ManifestSha256;
}
