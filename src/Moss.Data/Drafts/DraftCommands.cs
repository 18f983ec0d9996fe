using Microsoft.EntityFrameworkCore;
using Moss.Data.Conversations;

namespace Moss.Data.Drafts;

public static class DraftCommands
{
    /// <summary>Keeps unfinished text. False when a newer one stands already (from another tab, or sent later).</summary>
    public static async Task<bool> SaveDraftAsync(
        this MossDbContext db, Guid annotatorId, string place, string text, long number, CancellationToken cancellation)
    {
        var kept = MessageText.Clean(text);
        return await db.Database.ExecuteSqlAsync($"""
            INSERT INTO drafts (annotator_id, place, text, number, updated_at) VALUES ({annotatorId}, {place}, {kept}, {number}, clock_timestamp())
            ON CONFLICT (annotator_id, place) DO UPDATE SET text = excluded.text, number = excluded.number, updated_at = excluded.updated_at
            WHERE drafts.number < excluded.number
            """, cancellation) == 1;
    }

    public static Task<Draft?> DraftAsync(this MossDbContext db, Guid annotatorId, string place, CancellationToken cancellation) =>
        db.Drafts.AsNoTracking().SingleOrDefaultAsync(d => d.AnnotatorId == annotatorId && d.Place == place, cancellation);

    /// <summary>Forgets a draft whose text was sent.</summary>
    public static Task ClearDraftAsync(this MossDbContext db, Guid annotatorId, string place, CancellationToken cancellation) =>
        db.Drafts.Where(d => d.AnnotatorId == annotatorId && d.Place == place).ExecuteDeleteAsync(cancellation);
}
