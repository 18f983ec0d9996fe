using Microsoft.EntityFrameworkCore;
using Moss.Data;

namespace Moss.Annotate.Features.Shared;

/// <summary>A page's line to the database: one context per operation, and patience while the database is away.</summary>
public sealed class DatabaseLine(IDbContextFactory<MossDbContext> factory)
{
    /// <summary>Raised when the database went away or came back; the layout shows a banner meanwhile.</summary>
    public event Action? Changed;

    /// <summary>True from the first failed attempt until one succeeds.</summary>
    public bool Away { get; private set; }

    /// <summary>Does the work with a fresh context, again and again while the database cannot be reached. The work must be idempotent.</summary>
    public async Task<T> DoAsync<T>(Func<MossDbContext, CancellationToken, Task<T>> work, CancellationToken cancellation)
    {
        for (var wait = TimeSpan.FromMilliseconds(100); ; wait = wait < TimeSpan.FromSeconds(2) ? 2 * wait : wait)
        {
            try
            {
                await using var db = await factory.CreateDbContextAsync(cancellation);
                var result = await work(db, cancellation);
                Say(away: false);
                return result;
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested && Db.IsUnreachable(e))
            {
                Say(away: true);
            }
            await Task.Delay(wait, cancellation);
        }
    }

    public Task DoAsync(Func<MossDbContext, CancellationToken, Task> work, CancellationToken cancellation) =>
        DoAsync(async (db, token) =>
        {
            await work(db, token);
            return true;
        }, cancellation);

    private void Say(bool away)
    {
        if (Away == away) return;
        Away = away;
        Changed?.Invoke();
    }
}
