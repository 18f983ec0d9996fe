using Npgsql;

[assembly: AssemblyFixture(typeof(Moss.Data.Tests.PostgresServer))]

namespace Moss.Data.Tests;

/// <summary>The PostgreSQL server of the run, with one migrated database that every test class starts from.</summary>
public sealed class PostgresServer : IAsyncLifetime
{
    private readonly string prefix = $"moss_data_tests_{Guid.NewGuid():N}"[..28];
    private readonly List<string> made = [];
    private string server = "";

    private string Template => prefix + "_template";

    public async ValueTask InitializeAsync()
    {
        server = Environment.GetEnvironmentVariable("MOSS_TEST_DB") is { Length: > 0 } given
            ? given
            : throw new InvalidOperationException(
                "These tests need a PostgreSQL server in which they may make databases: run ./moss test, or set MOSS_TEST_DB to its connection string.");
        made.Add(Template);
        await DatabaseCreation.BringUpToDateAsync(To(Template), CancellationToken.None);
    }

    /// <summary>A fresh, migrated database; its connection string.</summary>
    public async Task<string> CreateAsync()
    {
        string name;
        lock (made) made.Add(name = $"{prefix}_{made.Count}");
        await DatabaseCreation.CreateIfMissingAsync(To(name), CancellationToken.None, Template);
        return To(name);
    }

    public async ValueTask DisposeAsync()
    {
        if (server.Length == 0) return;
        NpgsqlConnection.ClearAllPools();
        await using var connection = new NpgsqlConnection(server);
        await connection.OpenAsync();
        foreach (var name in made)
        {
            await using var drop = new NpgsqlCommand($"DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)", connection);
            await drop.ExecuteNonQueryAsync();
        }
    }

    private string To(string database) =>
        new NpgsqlConnectionStringBuilder(server) { Database = database, MaxPoolSize = 30, IncludeErrorDetail = true }.ConnectionString;
}
