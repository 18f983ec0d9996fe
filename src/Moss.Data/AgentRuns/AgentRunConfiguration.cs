using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Moss.Data.Conversations;
using Moss.Data.Projects;

namespace Moss.Data.AgentRuns;

internal sealed class AgentRunConfiguration : IEntityTypeConfiguration<AgentRun>, IEntityTypeConfiguration<AgentCall>
{
    public void Configure(EntityTypeBuilder<AgentRun> run)
    {
        run.ToTable("agent_runs", t => t.HasCheckConstraint("ck_agent_runs_lease", "(state = 'Running') = (lease_until IS NOT NULL)"));
        run.Property(r => r.ScenarioName).HasMaxLength(128);
        run.Property(r => r.ScenarioSha256).HasMaxLength(64);
        run.Property(r => r.StopReason).HasMaxLength(32);
        run.HasIndex(r => new { r.State, r.CreatedAt });
        run.HasOne<Project>().WithMany().HasForeignKey(r => r.ProjectId).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<AgentCall> call)
    {
        call.ToTable("agent_calls");
        call.Property(c => c.Seat).HasMaxLength(64);
        call.HasIndex(c => new { c.RunId, c.Dialogue, c.Turn, c.Seat, c.Sample, c.Attempt }).IsUnique();
        call.HasOne<AgentRun>().WithMany().HasForeignKey(c => c.RunId).OnDelete(DeleteBehavior.Restrict);
        call.HasOne<Message>().WithMany().HasForeignKey(c => c.MessageId).OnDelete(DeleteBehavior.Restrict);
    }
}
