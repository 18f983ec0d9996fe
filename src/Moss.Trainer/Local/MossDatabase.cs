using System.Security.Cryptography;
using Npgsql;

namespace Moss.Trainer.Local;

/// <summary>The database that every verb works on: the one named by MOSS_DB, else one in the private cluster; migrated.</summary>
public static class MossDatabase
{
    private const string Name = "moss";

    /// <summary>Makes the database usable, starting and migrating what is needed, and puts its connection string into MOSS_DB of this process.</summary>
    /// <remarks>A private cluster that this process started stops when this process and all others that use it have ended.</remarks>
    public static async Task<string> EnsureAsync(CancellationToken cancellation)
    {
        var installation = Installation.FromEnvironment();
        var connection = await ConnectAsync(installation, Console.Error.WriteLine, cancellation);
        await MigrateAsync(installation, connection, Console.Error.WriteLine, cancellation);
        Environment.SetEnvironmentVariable(Installation.DatabaseVariable, connection);
        return connection;
    }

    /// <summary>The connection string from MOSS_DB, or of the private cluster, started if it is not running.</summary>
    internal static async Task<string> ConnectAsync(Installation installation, Action<string> say, CancellationToken cancellation)
    {
        if (Given is { } given) return given;
        var cluster = PostgresCluster.Private(installation, say);
        await cluster.StartAsync(cancellation);
        return await cluster.ConnectionStringAsync(Name, cancellation);
    }

    internal static string? Given => Environment.GetEnvironmentVariable(Installation.DatabaseVariable) is { Length: > 0 } given ? Checked(given) : null;

    // What is wrong is not repeated: it may hold a password.
    private static string Checked(string given)
    {
        try
        {
            if (new NpgsqlConnectionStringBuilder(given) is { Host.Length: > 0, Database.Length: > 0 }) return given;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException)
        {
            // a key that there is not, a port that is no number, a postgres:// address
        }
        throw new InvalidOperationException(
            $"{Installation.DatabaseVariable} is not a connection string with a host and a database. " +
            "It looks like \"Host=localhost;Username=moss;Password=…;Database=moss\"; without it ./moss uses a PostgreSQL of its own.");
    }

    /// <summary>Runs the migrations' program unless this very build of it was applied to this very database.</summary>
    internal static async Task MigrateAsync(Installation installation, string connection, Action<string> say, CancellationToken cancellation)
    {
        var dll = installation.MigrationsDll;
        if (!File.Exists(dll)) throw new FileNotFoundException($"'{dll}' is missing: the migrations are not built. Run ./moss up, which builds what it needs.");
        await using var file = File.OpenRead(dll);
        var build = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellation));
        var stamp = Path.Combine(installation.State, "migrated");
        if (await IdentityAsync(connection, cancellation) is { } before && File.Exists(stamp)
            && (await File.ReadAllLinesAsync(stamp, cancellation)).Contains($"{build} {before}")) return;

        var run = await new Waiting(say, TimeProvider.System).ForAsync("applying the migrations", ToolRun.OfAsync(["dotnet", dll], cancellation,
            variables: new Dictionary<string, string>(installation.Variables()) { [Installation.DatabaseVariable] = connection }));
        if (run.ExitCode != 0) throw new InvalidOperationException($"The migrations could not be applied (code {run.ExitCode}): {run.Output}");
        if (await IdentityAsync(connection, cancellation) is not { } after) return;
        Directory.CreateDirectory(installation.State);
        await File.AppendAllLinesAsync(stamp, [$"{build} {after}"], cancellation);
    }

    // Which database this is, if it has our tables: one that was dropped and made again has another number. Null when it is missing or empty.
    private static async Task<string?> IdentityAsync(string connection, CancellationToken cancellation)
    {
        try
        {
            await using var open = new NpgsqlConnection(connection);
            await open.OpenAsync(cancellation);
            await using var ask = new NpgsqlCommand(
                "SELECT oid::text FROM pg_database WHERE datname = current_database() AND to_regclass('public.messages') IS NOT NULL", open);
            return await ask.ExecuteScalarAsync(cancellation) is string number ? $"{open.Host}:{open.Port}/{open.Database}#{number}" : null;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            return null;
        }
    }
}
