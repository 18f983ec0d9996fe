using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Moss.Data.Training;

namespace Moss.Data.Checkpoints;

internal sealed class CheckpointConfiguration : IEntityTypeConfiguration<Checkpoint>
{
    public void Configure(EntityTypeBuilder<Checkpoint> checkpoint)
    {
        checkpoint.ToTable("checkpoints");
        checkpoint.Property(c => c.Name).HasMaxLength(128);
        checkpoint.Property(c => c.Family).HasMaxLength(32);
        checkpoint.Property(c => c.Folder).HasMaxLength(512);
        checkpoint.Property(c => c.ManifestSha256).HasMaxLength(64);
        checkpoint.Property(c => c.TemplateSha256).HasMaxLength(64);
        checkpoint.HasIndex(c => c.Name).IsUnique();
        checkpoint.HasIndex(c => c.ManifestSha256).IsUnique();
        checkpoint.HasIndex(c => c.TrainingRunId).IsUnique(); // a run publishes once
        checkpoint.HasOne<Checkpoint>().WithMany().HasForeignKey(c => c.ParentId).OnDelete(DeleteBehavior.Restrict);
        checkpoint.HasOne<TrainingRun>().WithMany().HasForeignKey(c => c.TrainingRunId).OnDelete(DeleteBehavior.Restrict);
    }
}
