using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Moss.Data.Annotators;
using Moss.Data.Checkpoints;

namespace Moss.Data.Deployments;

internal sealed class DeploymentConfiguration : IEntityTypeConfiguration<Deployment>, IEntityTypeConfiguration<Server>
{
    public void Configure(EntityTypeBuilder<Deployment> deployment)
    {
        deployment.ToTable("deployments", t =>
        {
            t.HasCheckConstraint("ck_deployments_name", $"name IN ('{Deployment.Champion}', '{Deployment.Challenger}')");
            t.HasCheckConstraint("ck_deployments_share", "share BETWEEN 0 AND 1");
        });
        deployment.Property(d => d.Name).HasMaxLength(32);
        deployment.Property(d => d.Reason).HasMaxLength(500);
        deployment.HasIndex(d => new { d.Name, d.StartedAt });
        deployment.HasOne<Checkpoint>().WithMany().HasForeignKey(d => d.CheckpointId).OnDelete(DeleteBehavior.Restrict);
        deployment.HasOne<Annotator>().WithMany().HasForeignKey(d => d.By).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<Server> server)
    {
        server.ToTable("servers");
        server.HasKey(s => s.Url);
        server.Property(s => s.Url).HasMaxLength(256);
        server.Property(s => s.Loaded).HasColumnType("jsonb");
    }
}
