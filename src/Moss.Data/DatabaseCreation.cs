using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Moss.Data;

public static class DatabaseCreation
{
    /// <summary>
    /// Makes the database if it is missing and applies the migrations that it lacks; their names. Several processes may do so at once: EF's own lock ends
    /// between two migrations, so one of ours is held over all of them. The assembly Moss.Migrations must lie beside the program.
    /// </summary>
    public static async Task<(bool Created, IReadOnlyList<string> Applied)> BringUpToDateAsync(string connectionString, CancellationToken cancellation)
    {
        var created = await CreateIfMissingAsync(connectionString, cancellation);
        var alone = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, CommandTimeout = 0 }.ConnectionString;
        await using var holder = new NpgsqlConnection(alone);
        await holder.OpenAsync(cancellation);
        await using (var hold = new NpgsqlCommand("SELECT pg_advisory_lock(hashtextextended('moss migrations', 0))", holder)) // until the connection closes
            await hold.ExecuteNonQueryAsync(cancellation);
        await using var db = MossData.Open(alone);
        var pending = (await db.Database.GetPendingMigrationsAsync(cancellation)).ToList();
        await db.Database.MigrateAsync(cancellation);
        return (created, pending);
    }

    /// <summary>Makes the database that the connection string names if it is missing. Two callers at once are fine. True when it was made.</summary>
    public static async Task<bool> CreateIfMissingAsync(string connectionString, CancellationToken cancellation, string? template = null)
    {
        var wanted = new NpgsqlConnectionStringBuilder(connectionString);
        var name = wanted.Database ?? throw new MossInputException(
            "The connection string names no database. Add Database=moss to it.");
        wanted.Pooling = false;
        if (await IsThereAsync(wanted.ConnectionString, cancellation)) return false;
        wanted.Database = "postgres";
        await using var server = new NpgsqlConnection(wanted.ConnectionString);
        await server.OpenAsync(cancellation);
        try
        {
            var quoted = new NpgsqlCommandBuilder().QuoteIdentifier(name);
            var from = template is null ? "" : $" TEMPLATE {new NpgsqlCommandBuilder().QuoteIdentifier(template)}";
            await using var create = new NpgsqlCommand($"CREATE DATABASE {quoted}{from}", server);
            await create.ExecuteNonQueryAsync(cancellation);
            return true;
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
        {
            return false; // someone else made it meanwhile
        }
    }

    // Looked for by connecting to it: on a shared server the role may not be allowed into the database "postgres".
    private static async Task<bool> IsThereAsync(string connectionString, CancellationToken cancellation)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        try
        {
            await connection.OpenAsync(cancellation);
            return true;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            return false;
        }
    }
}
