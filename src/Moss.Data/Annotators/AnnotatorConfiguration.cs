using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Moss.Data.Annotators;

internal sealed class AnnotatorConfiguration : IEntityTypeConfiguration<Annotator>
{
    public void Configure(EntityTypeBuilder<Annotator> annotator)
    {
        annotator.ToTable("annotators", t => t.HasCheckConstraint(
            "ck_annotators_who", "(kind = 'Human') = (agent_spec_sha256 IS NULL) AND (user_id IS NULL OR kind = 'Human')"));
        annotator.Property(a => a.DisplayName).HasMaxLength(128);
        annotator.Property(a => a.AgentSpecSha256).HasMaxLength(64);
        annotator.HasIndex(a => a.UserId).IsUnique();
        annotator.HasIndex(a => new { a.Kind, a.AgentSpecSha256 }).IsUnique();
        annotator.HasOne<MossUser>().WithOne().HasForeignKey<Annotator>(a => a.UserId).OnDelete(DeleteBehavior.Restrict);
    }
}
