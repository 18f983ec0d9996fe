using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Projects;

namespace Moss.Data.Training;

internal sealed class PlanConfiguration : IEntityTypeConfiguration<TrainingPlan>
{
    public void Configure(EntityTypeBuilder<TrainingPlan> plan)
    {
        plan.ToTable("training_plans", t =>
        {
            t.HasCheckConstraint("ck_training_plans_answer", "(computed_at IS NULL) = (result IS NULL AND error IS NULL) AND (result IS NULL OR error IS NULL)");
            t.HasCheckConstraint("ck_training_plans_ordinal", "example_ordinal >= 0");
        });
        plan.Property(p => p.Recipe).HasMaxLength(32);
        plan.Property(p => p.Settings).HasColumnType("jsonb");
        plan.Property(p => p.Result).HasColumnType("jsonb");
        plan.HasIndex(p => p.CreatedAt).HasFilter("computed_at IS NULL").HasDatabaseName("ix_training_plans_open");
        plan.HasOne<Project>().WithMany().HasForeignKey(p => p.ProjectId).OnDelete(DeleteBehavior.Cascade);
        plan.HasOne<DatasetVersion>().WithMany().HasForeignKey(p => p.DatasetVersionId).OnDelete(DeleteBehavior.Cascade);
        plan.HasOne<Checkpoint>().WithMany().HasForeignKey(p => p.BaseCheckpointId).OnDelete(DeleteBehavior.Cascade);
    }
}
