using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Npgsql;

[assembly: AssemblyFixture(typeof(Moss.Trainer.Tests.Setup.PostgresServer))]

namespace Moss.Trainer.Tests.Setup;

/// <summary>The PostgreSQL server of the run, with one migrated database that every test starts from.</summary>
public sealed class PostgresServer : IAsyncLifetime
{
    private readonly string _prefix = $"moss_trainer_tests_{Guid.NewGuid():N}"[..30];
    private readonly List<string> _made = [];
    private readonly SemaphoreSlim _one = new(1);

    private string Template => _prefix + "_template";

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>A fresh, migrated database; its connection string.</summary>
    public async Task<string> CreateAsync()
    {
        await _one.WaitAsync(); // a template can be copied by one at a time
        try
        {
            if (_made.Count == 0)
            {
                _made.Add(Template);
                await DatabaseCreation.CreateIfMissingAsync(To(Template), CancellationToken.None);
                await using var db = MossData.Open(To(Template) + ";Pooling=false");
                await db.Database.MigrateAsync();
            }
            var name = $"{_prefix}_{_made.Count}";
            _made.Add(name);
            await DatabaseCreation.CreateIfMissingAsync(To(name), CancellationToken.None, Template);
            return To(name);
        }
        finally
        {
            _one.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _one.Dispose();
        if (_made.Count == 0) return;
        NpgsqlConnection.ClearAllPools();
        await using var connection = new NpgsqlConnection(Server);
        await connection.OpenAsync();
        foreach (var name in _made)
        {
            await using var drop = new NpgsqlCommand($"DROP DATABASE IF EXISTS {name} WITH (FORCE)", connection);
            await drop.ExecuteNonQueryAsync();
        }
    }

    private static string Server => Environment.GetEnvironmentVariable("MOSS_TEST_DB") is { Length: > 0 } given
        ? given
        : throw new InvalidOperationException(
            "These tests need a PostgreSQL server in which they may make databases: run ./moss test, or set MOSS_TEST_DB to its connection string.");

    private static string To(string database) => new NpgsqlConnectionStringBuilder(Server) { Database = database, MaxPoolSize = 20 }.ConnectionString;
}
