using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Npgsql;

namespace Moss.Annotate.Tests.Features.Setup;

/// <summary>A migrated database for the tests of the loop's pages; every test starts from an empty copy of it.</summary>
public sealed class LoopDatabase : IAsyncLifetime
{
    private readonly string _prefix = $"moss_annotate_loop_{Guid.NewGuid():N}"[..30];
    private readonly List<string> _made = [];
    private string _server = "";

    public async ValueTask InitializeAsync()
    {
        _server = Environment.GetEnvironmentVariable("MOSS_TEST_DB") is { Length: > 0 } given
            ? given
            : throw new InvalidOperationException(
                "These tests need a PostgreSQL server in which they may make databases: run ./moss test, or set MOSS_TEST_DB to its connection string.");
        await DatabaseCreation.CreateIfMissingAsync(To(_prefix), CancellationToken.None);
        _made.Add(_prefix);
        await using var db = MossData.Open(To(_prefix) + ";Pooling=false");
        await db.Database.MigrateAsync();
    }

    /// <summary>The connection string of a fresh copy.</summary>
    public async Task<string> CopyAsync()
    {
        string name;
        lock (_made) _made.Add(name = $"{_prefix}_{_made.Count}");
        await DatabaseCreation.CreateIfMissingAsync(To(name), CancellationToken.None, _prefix);
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

    private string To(string database) => new NpgsqlConnectionStringBuilder(_server) { Database = database, MaxPoolSize = 10 }.ConnectionString;
}

/// <summary>Tests of the loop's pages share the server's template; they run one after another.</summary>
[CollectionDefinition(Name)]
public sealed class LoopPages : ICollectionFixture<LoopDatabase>
{
    public const string Name = "loop";
}
