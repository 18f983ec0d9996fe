using Moss.Annotate.Tests.Setup;
using Moss.Data;
using Npgsql;

[assembly: AssemblyFixture(typeof(PostgresServer))]

namespace Moss.Annotate.Tests.Setup;

/// <summary>The PostgreSQL server of the run, with one migrated database that every test class starts from.</summary>
public sealed class PostgresServer : IAsyncLifetime
{
    private readonly string _prefix = $"moss_portal_tests_{Guid.NewGuid():N}"[..30];
    private readonly List<string> _made = [];
    private string _server = "";

    private string Template => _prefix + "_template";

    public async ValueTask InitializeAsync()
    {
        _server = Environment.GetEnvironmentVariable("MOSS_TEST_DB") is { Length: > 0 } given
            ? given
            : throw new InvalidOperationException(
                "These tests need a PostgreSQL server in which they may make databases: run ./moss test, or set MOSS_TEST_DB to its connection string.");
        _made.Add(Template);
        await DatabaseCreation.BringUpToDateAsync(To(Template), CancellationToken.None);
    }

    /// <summary>A fresh, migrated database; its connection string.</summary>
    public async Task<string> CreateAsync()
    {
        string name;
        lock (_made) _made.Add(name = $"{_prefix}_{_made.Count}");
        await DatabaseCreation.CreateIfMissingAsync(To(name), CancellationToken.None, Template);
        return To(name);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server.Length == 0) return;
        NpgsqlConnection.ClearAllPools();
        await using var connection = new NpgsqlConnection(_server);
        await connection.OpenAsync();
        foreach (var name in _made)
        {
            await using var drop = new NpgsqlCommand($"DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)", connection);
            await drop.ExecuteNonQueryAsync();
        }
    }

    private string To(string database) =>
        new NpgsqlConnectionStringBuilder(_server) { Database = database, MaxPoolSize = 20, IncludeErrorDetail = true }.ConnectionString;
}
