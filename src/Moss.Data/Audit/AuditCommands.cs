using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Conversations;

namespace Moss.Data.Audit;

public static class AuditCommands
{
    private static readonly string Beginning = new('0', 64);

    /// <summary>Adds a row to the chain, in the caller's transaction if there is one: then it stands exactly if the deed does.</summary>
    public static async Task AuditAsync(
        this MossDbContext db, string who, string action, string subject, object details, CancellationToken cancellation)
    {
        var json = JsonSerializer.Serialize(details, Json.SnakeCase);
        (who, subject) = (Short(who, 128), Short(subject, 256));
        await db.InTransactionAsync(async () =>
        {
            await db.LockAsync("audit_log", cancellation);
            var last = await db.AuditLog.AsNoTracking().OrderByDescending(e => e.Id).Select(e => e.Sha256).FirstOrDefaultAsync(cancellation) ?? Beginning;
            var at = await db.Database.SqlQuery<DateTime>($"SELECT clock_timestamp() AS \"Value\"").SingleAsync(cancellation);
            var hash = Hash(last, at, who, action, subject, json);
            return await db.Database.ExecuteSqlAsync($"""
                INSERT INTO audit_log (at, who, action, subject, details, previous_sha256, sha256)
                VALUES ({at}, {who}, {action}, {subject}, {json}, {last}, {hash})
                """, cancellation);
        }, cancellation);
    }

    /// <summary>Walks the chain. The id of the first row that was changed, or that follows a missing one; null when all is whole.</summary>
    public static async Task<long?> VerifyAuditAsync(this MossDbContext db, CancellationToken cancellation)
    {
        var last = Beginning;
        await foreach (var e in db.AuditLog.AsNoTracking().OrderBy(e => e.Id).AsAsyncEnumerable().WithCancellation(cancellation))
        {
            if (e.PreviousSha256 != last || e.Sha256 != Hash(last, e.At.UtcDateTime, e.Who, e.Action, e.Subject, e.Details)) return e.Id;
            last = e.Sha256;
        }
        return null;
    }

    /// <summary>The display name of the annotator who did it, or the machine's own word.</summary>
    internal static async Task<string> WhoAsync(this MossDbContext db, Guid? annotatorId, string machine, CancellationToken cancellation) =>
        annotatorId is { } id
            ? await db.Annotators.Where(a => a.Id == id).Select(a => a.DisplayName).SingleOrDefaultAsync(cancellation) ?? id.ToString()
            : machine;

    // Parts are length-prefixed, so that no text can pass for another's end.
    private static string Hash(string previous, DateTime at, params string[] parts)
    {
        var text = new StringBuilder(previous).Append('|').Append(at.ToString("O", CultureInfo.InvariantCulture));
        foreach (var part in parts) text.Append('|').Append(part.Length.ToString(CultureInfo.InvariantCulture)).Append(':').Append(part);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    private static string Short(string text, int most)
    {
        var clean = MessageText.Clean(text);
        return clean.Length <= most ? clean : MessageText.Clean(clean[..(most - 1)]) + '…';
    }
}
