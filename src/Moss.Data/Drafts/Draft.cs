using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Moss.Data.Drafts;

/// <summary>Unfinished text of one annotator at one place; the newest number wins.</summary>
public sealed class Draft
{
    public required Guid AnnotatorId { get; init; }

    /// <summary>What it is for: "say:CONVERSATION" or "correct:MESSAGE".</summary>
    public required string Place { get; init; }

    public required string Text { get; set; }
    public required long Number { get; set; }
    public required DateTimeOffset UpdatedAt { get; set; }
}

internal sealed class DraftConfiguration : IEntityTypeConfiguration<Draft>
{
    public void Configure(EntityTypeBuilder<Draft> draft)
    {
        draft.ToTable("drafts");
        draft.HasKey(d => new { d.AnnotatorId, d.Place });
        draft.Property(d => d.Place).HasMaxLength(96);
        draft.Property(d => d.Text).HasMaxLength(Conversations.Message.MaxBytes);
        draft.HasOne<Annotators.Annotator>().WithMany().HasForeignKey(d => d.AnnotatorId).OnDelete(DeleteBehavior.Restrict);
    }
}
