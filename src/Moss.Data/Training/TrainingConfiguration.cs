using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Projects;

namespace Moss.Data.Training;

internal sealed class TrainingConfiguration :
    IEntityTypeConfiguration<TrainingRun>, IEntityTypeConfiguration<TrainingMetric>, IEntityTypeConfiguration<TrainingSchedule>
{
    public void Configure(EntityTypeBuilder<TrainingRun> run)
    {
        run.ToTable("training_runs", t =>
        {
            t.HasCheckConstraint("ck_training_runs_lease", "(state = 'Running') = (lease_until IS NOT NULL)");
            t.HasCheckConstraint("ck_training_runs_output", "(state = 'Succeeded') = (output_checkpoint_id IS NOT NULL)");
        });
        run.Property(r => r.Recipe).HasMaxLength(32);
        run.Property(r => r.Settings).HasColumnType("jsonb");
        run.Property(r => r.DeployIf).HasColumnType("jsonb");
        run.HasIndex(r => new { r.State, r.CreatedAt });
        run.HasOne<Project>().WithMany().HasForeignKey(r => r.ProjectId).OnDelete(DeleteBehavior.Restrict);
        run.HasOne<DatasetVersion>().WithMany().HasForeignKey(r => r.DatasetVersionId).OnDelete(DeleteBehavior.Restrict);
        run.HasOne<Checkpoint>().WithMany().HasForeignKey(r => r.BaseCheckpointId).OnDelete(DeleteBehavior.Restrict);
        run.HasOne<Checkpoint>().WithMany().HasForeignKey(r => r.OutputCheckpointId).OnDelete(DeleteBehavior.Restrict);
        run.HasOne<TrainingSchedule>().WithMany().HasForeignKey(r => r.ScheduleId).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<TrainingMetric> metric)
    {
        metric.ToTable("training_metrics");
        metric.HasKey(m => new { m.RunId, m.Step, m.Name }); // a step trained again after a crash is recorded once
        metric.Property(m => m.Name).HasMaxLength(64);
        metric.HasOne<TrainingRun>().WithMany().HasForeignKey(m => m.RunId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<TrainingSchedule> schedule)
    {
        schedule.ToTable("training_schedules", t => t.HasCheckConstraint("ck_training_schedules_min", "min_new_judgements >= 1"));
        schedule.Property(s => s.Recipe).HasMaxLength(32);
        schedule.Property(s => s.Cron).HasMaxLength(64);
        schedule.Property(s => s.Settings).HasColumnType("jsonb");
        schedule.Property(s => s.DeployIf).HasColumnType("jsonb");
        schedule.HasOne<Project>().WithMany().HasForeignKey(s => s.ProjectId).OnDelete(DeleteBehavior.Restrict);
    }
}
