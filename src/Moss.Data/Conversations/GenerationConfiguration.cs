using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Moss.Data.Checkpoints;

namespace Moss.Data.Conversations;

internal sealed class GenerationConfiguration : IEntityTypeConfiguration<Generation>
{
    public void Configure(EntityTypeBuilder<Generation> generation)
    {
        generation.ToTable("generations");
        generation.HasKey(g => g.MessageId);
        generation.Property(g => g.Sampling).HasColumnType("jsonb");
        generation.Property(g => g.TemplateSha256).HasMaxLength(64);
        generation.Property(g => g.StopReason).HasMaxLength(32);
        generation.HasOne<Message>().WithOne(m => m.Generation).HasForeignKey<Generation>(g => g.MessageId).OnDelete(DeleteBehavior.Restrict);
        generation.HasOne<Checkpoint>().WithMany().HasForeignKey(g => g.CheckpointId).OnDelete(DeleteBehavior.Restrict);
    }
}
