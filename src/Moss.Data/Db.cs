using System.Net.Sockets;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Moss.Data;

/// <summary>What to do when PostgreSQL goes away and comes back.</summary>
public static class Db
{
    /// <summary>True when the database could not be reached or went away, so that trying again later can help.</summary>
    public static bool IsUnreachable(Exception? exception) => exception switch
    {
        null or OperationCanceledException => false,
        // 57P01-57P05: shut down, crashed, starting up, dropped, idle too long; 08: connection; 53300: too many connections.
        PostgresException p => p.SqlState.StartsWith("57P", StringComparison.Ordinal) || p.SqlState.StartsWith("08", StringComparison.Ordinal)
            || p.SqlState == PostgresErrorCodes.TooManyConnections,
        NpgsqlException { IsTransient: true } or SocketException or EndOfStreamException => true,
        NpgsqlException n => IsUnreachable(n.InnerException) || n.InnerException is IOException or TimeoutException,
        _ => IsUnreachable(exception.InnerException),
    };

    /// <summary>Does the work, and again while the database is away, waiting 0.1 to 2 s between, until patience is over. The work is repeatable.</summary>
    public static async Task<T> RetryAsync<T>(
        this IDbContextFactory<MossDbContext> factory, Func<MossDbContext, CancellationToken, Task<T>> work,
        TimeSpan patience, CancellationToken cancellation)
    {
        var started = TimeProvider.System.GetTimestamp(); // not the time of day, which may jump
        for (var pause = TimeSpan.FromSeconds(0.1); ; pause = TimeSpan.FromSeconds(Math.Min(2, pause.TotalSeconds * 2)))
        {
            try
            {
                await using var db = await factory.CreateDbContextAsync(cancellation);
                return await work(db, cancellation);
            }
            catch (Exception e) when (IsUnreachable(e) && TimeProvider.System.GetElapsedTime(started) + pause < patience)
            {
                await Task.Delay(pause, cancellation);
            }
        }
    }

    /// <inheritdoc cref="RetryAsync{T}"/>
    public static Task RetryAsync(
        this IDbContextFactory<MossDbContext> factory, Func<MossDbContext, CancellationToken, Task> work,
        TimeSpan patience, CancellationToken cancellation) =>
        factory.RetryAsync(async (db, token) => { await work(db, token); return true; }, patience, cancellation);
}
