using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Moss.Data.Conversations;
using Moss.Data.Judgements;
using Moss.Data.Projects;
using Moss.Data.Training;

namespace Moss.Data.Datasets;

internal sealed class DatasetConfiguration :
    IEntityTypeConfiguration<DatasetVersion>, IEntityTypeConfiguration<DatasetExample>, IEntityTypeConfiguration<DatasetExampleSource>
{
    public void Configure(EntityTypeBuilder<DatasetVersion> version)
    {
        version.ToTable("dataset_versions", t => t.HasCheckConstraint(
            "ck_dataset_versions_recipe", $"recipe IN ({string.Join(", ", Recipes.All.Select(r => $"'{r}'"))})"));
        version.Property(v => v.Name).HasMaxLength(128);
        version.Property(v => v.Recipe).HasMaxLength(32);
        version.Property(v => v.Query).HasColumnType("jsonb");
        version.Property(v => v.Summary).HasColumnType("jsonb");
        version.Property(v => v.Sha256).HasMaxLength(64);
        version.HasIndex(v => new { v.ProjectId, v.Name }).IsUnique();
        version.HasOne<Project>().WithMany().HasForeignKey(v => v.ProjectId).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<DatasetExample> example)
    {
        example.ToTable("dataset_examples");
        example.HasKey(e => new { e.VersionId, e.Ordinal });
        example.Property(e => e.ContentSha256).HasMaxLength(64);
        example.Property(e => e.Cluster).HasMaxLength(32);
        // The same text cannot be trained on and examined with.
        example.HasIndex(e => new { e.VersionId, e.ContentSha256 }).IsUnique();
        example.HasIndex(e => e.ContentSha256).HasFilter("split = 'Eval'");
        example.HasOne<DatasetVersion>().WithMany().HasForeignKey(e => e.VersionId).OnDelete(DeleteBehavior.Restrict);
        example.HasMany(e => e.Sources).WithOne().HasForeignKey(s => new { s.VersionId, s.Ordinal }).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<DatasetExampleSource> source)
    {
        source.ToTable("dataset_example_sources", t => t.HasCheckConstraint(
            "ck_dataset_example_sources_one", "(judgement_id IS NULL) <> (message_id IS NULL)"));
        source.HasIndex(s => s.JudgementId);
        source.HasOne<Judgement>().WithMany().HasForeignKey(s => s.JudgementId).OnDelete(DeleteBehavior.Restrict);
        source.HasOne<Message>().WithMany().HasForeignKey(s => s.MessageId).OnDelete(DeleteBehavior.Restrict);
    }
}
