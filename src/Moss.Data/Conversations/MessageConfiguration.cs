using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Moss.Data.Annotators;

namespace Moss.Data.Conversations;

internal sealed class MessageConfiguration : IEntityTypeConfiguration<Message>
{
    public void Configure(EntityTypeBuilder<Message> message)
    {
        message.ToTable("messages", t =>
        {
            t.HasCheckConstraint("ck_messages_size", $"octet_length(text) <= {Message.MaxBytes}");
            t.HasCheckConstraint("ck_messages_cut_short", "state = 'Complete' OR role = 'Moss'");
            t.HasCheckConstraint("ck_messages_corrects", "corrects_id IS NULL OR (role = 'Moss' AND author_id IS NOT NULL)");
        });
        message.HasIndex(m => new { m.ConversationId, m.CreatedAt });
        message.HasOne(m => m.Conversation).WithMany(c => c.Messages).HasForeignKey(m => m.ConversationId).OnDelete(DeleteBehavior.Restrict);
        // A parent or a corrected reply is always of the same conversation.
        message.HasOne<Message>().WithMany().HasForeignKey(m => new { m.ConversationId, m.ParentId })
            .HasPrincipalKey(m => new { m.ConversationId, m.Id }).OnDelete(DeleteBehavior.Restrict);
        message.HasOne<Message>().WithMany().HasForeignKey(m => new { m.ConversationId, m.CorrectsId })
            .HasPrincipalKey(m => new { m.ConversationId, m.Id }).OnDelete(DeleteBehavior.Restrict);
        message.HasOne<Annotator>().WithMany().HasForeignKey(m => m.AuthorId).OnDelete(DeleteBehavior.Restrict);
    }
}
