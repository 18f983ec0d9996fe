using Microsoft.EntityFrameworkCore;
using Moss.Data.Projects;
using Npgsql;

namespace Moss.Data.Tests;

public sealed class DatabaseLossTests(Database database) : DatabaseTest(database)
{
    [Fact]
    public async Task Work_whose_connection_is_cut_is_done_again()
    {
        var tries = 0;
        var answer = await Data.RetryAsync(async (db, token) =>
        {
            if (++tries == 1) await db.Database.ExecuteSqlAsync($"SELECT pg_terminate_backend(pg_backend_pid())", token);
            return await db.EnsureProjectAsync("after the cut", Database.Now, token);
        }, TimeSpan.FromSeconds(10), Test);

        Assert.Equal((2, "after the cut"), (tries, answer.Name));
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_unreachable_and_a_wrong_password_or_statement_is_not()
    {
        var nowhere = new NpgsqlConnectionStringBuilder(Data.ConnectionString) { Host = "127.0.0.1", Port = 9, Pooling = false }.ConnectionString;
        Assert.True(Db.IsUnreachable(await ThrownAsync(nowhere, "SELECT 1")));
        Assert.False(Db.IsUnreachable(await ThrownAsync(Data.ConnectionString, "SELEC 1")));
        Assert.False(Db.IsUnreachable(new OperationCanceledException()));
        var wrong = new NpgsqlConnectionStringBuilder(Data.ConnectionString) { Username = "nobody_here", Pooling = false }.ConnectionString;
        Assert.False(Db.IsUnreachable(await ThrownAsync(wrong, "SELECT 1")));
    }

    private static async Task<Exception> ThrownAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        return (await Record.ExceptionAsync(async () =>
        {
            await connection.OpenAsync(Test);
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(Test);
        }))!;
    }
}
