using Npgsql;

namespace Moss.Data;

public static class DatabaseCreation
{
    /// <summary>Makes the database that the connection string names if it is missing. Two callers at once are fine. True when it was made.</summary>
    public static async Task<bool> CreateIfMissingAsync(string connectionString, CancellationToken cancellation, string? template = null)
    {
        var wanted = new NpgsqlConnectionStringBuilder(connectionString);
        var name = wanted.Database ?? throw new MossInputException(
            $"The connection string names no database. Add Database=moss to it.");
        wanted.Database = "postgres";
        wanted.Pooling = false;
        await using var server = new NpgsqlConnection(wanted.ConnectionString);
        await server.OpenAsync(cancellation);
        await using var look = new NpgsqlCommand("SELECT 1 FROM pg_database WHERE datname = $1", server) { Parameters = { new() { Value = name } } };
        if (await look.ExecuteScalarAsync(cancellation) is not null) return false;
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
}
