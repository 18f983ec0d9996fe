using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Moss.Data.Audit;

internal sealed class AuditConfiguration : IEntityTypeConfiguration<AuditEntry>
{
    public void Configure(EntityTypeBuilder<AuditEntry> entry)
    {
        entry.ToTable("audit_log");
        entry.Property(e => e.Who).HasMaxLength(128);
        entry.Property(e => e.Action).HasMaxLength(64);
        entry.Property(e => e.Subject).HasMaxLength(256);
        entry.Property(e => e.PreviousSha256).HasMaxLength(64);
        entry.Property(e => e.Sha256).HasMaxLength(64);
        entry.HasIndex(e => e.PreviousSha256).IsUnique(); // the chain cannot fork
    }
}
