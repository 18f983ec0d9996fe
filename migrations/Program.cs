using System.Diagnostics;
using Moss.Data;
using Npgsql;

var connection = args is ["--connection", var given] ? given : Environment.GetEnvironmentVariable("MOSS_DB");
if (args is not ([] or ["--connection", _]) || string.IsNullOrWhiteSpace(connection))
{
    Console.Error.WriteLine("""
        Which database? Set MOSS_DB, or give --connection "Host=localhost;Username=moss;Password=...;Database=moss".
        This brings the database up to date, making it first if it is missing. Nothing was done.
        """);
    return 2;
}

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) => { e.Cancel = true; stop.Cancel(); };
var clock = Stopwatch.StartNew();
var patience = TimeSpan.FromSeconds(60); // PostgreSQL may still be starting
while (true)
{
    try
    {
        var name = new NpgsqlConnectionStringBuilder(connection).Database;
        var (created, pending) = await DatabaseCreation.BringUpToDateAsync(connection, stop.Token);
        Console.WriteLine(pending.Count == 0
            ? $"Database {name} is up to date."
            : $"Database {name} {(created ? "created and " : "")}brought up to date: {string.Join(", ", pending)} ({clock.Elapsed.TotalSeconds:0.0} s).");
        return 0;
    }
    catch (Exception e) when (Db.IsUnreachable(e) && clock.Elapsed < patience && !stop.IsCancellationRequested)
    {
        await Task.Delay(250, stop.Token);
    }
    catch (OperationCanceledException)
    {
        return 130;
    }
    catch (Exception e) when (e is NpgsqlException or ArgumentException or MossInputException or System.Net.Sockets.SocketException)
    {
        Console.Error.WriteLine($"The database could not be brought up to date: {e.Message}");
        return 1;
    }
}
