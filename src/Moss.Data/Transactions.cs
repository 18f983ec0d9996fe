using Microsoft.EntityFrameworkCore;

namespace Moss.Data;

internal static class Transactions
{
    /// <summary>Does the work in the caller's transaction, or in one of its own.</summary>
    public static async Task<T> InTransactionAsync<T>(this MossDbContext db, Func<Task<T>> work, CancellationToken cancellation)
    {
        if (db.Database.CurrentTransaction is not null) return await work();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        var result = await work();
        await transaction.CommitAsync(cancellation);
        return result;
    }

    /// <summary>Waits until nobody else holds this name; held until the transaction ends.</summary>
    public static Task LockAsync(this MossDbContext db, string name, CancellationToken cancellation) =>
        db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtextextended({name}, 0))", cancellation);
}
