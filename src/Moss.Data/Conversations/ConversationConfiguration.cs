using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Moss.Data.AgentRuns;
using Moss.Data.Annotators;
using Moss.Data.Projects;

namespace Moss.Data.Conversations;

internal sealed class ConversationConfiguration : IEntityTypeConfiguration<Conversation>
{
    public void Configure(EntityTypeBuilder<Conversation> conversation)
    {
        conversation.ToTable("conversations");
        conversation.Property(c => c.Title).HasMaxLength(200);
        conversation.Property(c => c.Language).HasMaxLength(35);
        conversation.Property(c => c.SourceKey).HasMaxLength(96);
        conversation.HasIndex(c => new { c.ProjectId, c.SourceKey }).IsUnique(); // an import repeated adds nothing
        conversation.HasIndex(c => new { c.ProjectId, c.CreatedAt });
        conversation.HasOne<Project>().WithMany().HasForeignKey(c => c.ProjectId).OnDelete(DeleteBehavior.Restrict);
        conversation.HasOne<Annotator>().WithMany().HasForeignKey(c => c.CreatedBy).OnDelete(DeleteBehavior.Restrict);
        conversation.HasOne<AgentRun>().WithMany().HasForeignKey(c => c.AgentRunId).OnDelete(DeleteBehavior.Restrict);
    }
}
