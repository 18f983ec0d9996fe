using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Moss.Data.Annotators;
using Moss.Data.Conversations;

namespace Moss.Data.Judgements;

internal sealed class JudgementConfiguration : IEntityTypeConfiguration<Judgement>
{
    public void Configure(EntityTypeBuilder<Judgement> judgement)
    {
        judgement.ToTable("judgements", t =>
        {
            t.HasCheckConstraint("ck_judgements_rating",
                "(kind = 'Rating') = (score IS NOT NULL) AND (score IS NULL OR (attribute IS NOT NULL AND score BETWEEN scale_min AND scale_max))");
            t.HasCheckConstraint("ck_judgements_comparison",
                "(kind = 'Comparison') = (outcome IS NOT NULL) AND (kind = 'Comparison') = (other_message_id IS NOT NULL)");
            t.HasCheckConstraint("ck_judgements_ranking", "(kind = 'Ranking') = (\"order\" IS NOT NULL)");
            t.HasCheckConstraint("ck_judgements_correction", "(kind = 'Correction') = (correction_message_id IS NOT NULL)");
            t.HasCheckConstraint("ck_judgements_flag", "kind <> 'Flag' OR category IS NOT NULL");
            t.HasCheckConstraint("ck_judgements_critique", "kind <> 'Critique' OR comment IS NOT NULL");
        });
        judgement.HasDiscriminator(j => j.Kind)
            .HasValue<Rating>(JudgementKind.Rating).HasValue<Comparison>(JudgementKind.Comparison).HasValue<Ranking>(JudgementKind.Ranking)
            .HasValue<Correction>(JudgementKind.Correction).HasValue<Flag>(JudgementKind.Flag).HasValue<Critique>(JudgementKind.Critique);
        judgement.Property(j => j.Comment).HasMaxLength(8_192);
        judgement.HasIndex(j => new { j.AnnotatorId, j.ClientKey }).IsUnique();
        judgement.HasIndex(j => j.SupersedesId).IsUnique(); // of two that supersede the same one, the second is refused
        judgement.HasIndex(j => j.MessageId);
        judgement.HasOne<Message>().WithMany().HasForeignKey(j => j.MessageId).OnDelete(DeleteBehavior.Restrict);
        judgement.HasOne<Annotator>().WithMany().HasForeignKey(j => j.AnnotatorId).OnDelete(DeleteBehavior.Restrict);
        judgement.HasOne<Judgement>().WithMany().HasForeignKey(j => j.SupersedesId).OnDelete(DeleteBehavior.Restrict);
    }
}

internal sealed class JudgementPartsConfiguration :
    IEntityTypeConfiguration<Rating>, IEntityTypeConfiguration<Comparison>, IEntityTypeConfiguration<Correction>, IEntityTypeConfiguration<Flag>
{
    public void Configure(EntityTypeBuilder<Rating> rating) => rating.Property(r => r.Attribute).HasMaxLength(64);

    public void Configure(EntityTypeBuilder<Comparison> comparison) =>
        comparison.HasOne<Message>().WithMany().HasForeignKey(c => c.OtherMessageId).OnDelete(DeleteBehavior.Restrict);

    public void Configure(EntityTypeBuilder<Correction> correction)
    {
        correction.Property(c => c.Category).HasColumnName("category").HasMaxLength(64);
        correction.HasOne<Message>().WithMany().HasForeignKey(c => c.CorrectionMessageId).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<Flag> flag) => flag.Property(f => f.Category).HasColumnName("category").HasMaxLength(64);
}
