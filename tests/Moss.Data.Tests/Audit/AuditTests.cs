using Microsoft.EntityFrameworkCore;
using Moss.Data.Audit;

namespace Moss.Data.Tests.Audit;

public sealed class AuditTests(Database database) : DatabaseTest(database)
{
    [Fact]
    public async Task Twenty_deeds_at_once_make_one_chain_and_every_tampering_shows()
    {
        Assert.Null(await VerifyAsync());
        await Task.WhenAll(Enumerable.Range(0, 20).Select(n =>
            Data.With(db => db.AuditAsync("Ada", "deployed", $"champion {n}", new { n, why = "é《》\"" }, Test))));
        Assert.Null(await VerifyAsync());
        var ids = await Data.With(db => db.AuditLog.OrderBy(e => e.Id).Select(e => e.Id).ToListAsync(Test));
        Assert.Equal(20, ids.Count);

        // Somebody with the keys to the database switches the triggers off.
        foreach (var change in (string[])["who = 'Eve'", "details = '{}'", "subject = subject || '!'", "action = 'froze'", "at = at + interval '1 microsecond'"])
        {
            await TamperAsync($"UPDATE audit_log SET {change} WHERE id = {ids[7]}");
            Assert.Equal(ids[7], await VerifyAsync());
            await RestoreAsync();
            Assert.Null(await VerifyAsync());
        }
        await TamperAsync($"DELETE FROM audit_log WHERE id = {ids[7]}");
        Assert.Equal(ids[8], await VerifyAsync());

        async Task TamperAsync(string sql) => Assert.Null(await Data.RefusalAsync($"""
            CREATE TABLE IF NOT EXISTS kept AS TABLE audit_log;
            ALTER TABLE audit_log DISABLE TRIGGER USER; {sql}; ALTER TABLE audit_log ENABLE TRIGGER USER
            """));
        Task RestoreAsync() => TamperAsync("""
            UPDATE audit_log a SET at = k.at, who = k.who, action = k.action, subject = k.subject, details = k.details FROM kept k WHERE k.id = a.id
            """);
    }

    [Fact]
    public async Task A_deed_that_is_undone_leaves_no_row()
    {
        await using var db = Data.CreateDbContext();
        await using (await db.Database.BeginTransactionAsync(Test)) await db.AuditAsync("Ada", "deployed", "undone", new { }, Test);
        Assert.Equal(0, await db.AuditLog.CountAsync(e => e.Subject == "undone", Test));
    }

    private Task<long?> VerifyAsync() => Data.With(db => db.VerifyAuditAsync(Test));
}
