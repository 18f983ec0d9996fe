using System.Diagnostics;
using System.Globalization;
using System.Net;
using Npgsql;

namespace Moss.Trainer.Local;

/// <summary>
/// A PostgreSQL server of our own on the loopback interface, shared by every process that uses it and stopped when the last one has ended.
/// </summary>
/// <remarks>
/// Who uses it has a file named by its process number in users/. A script (keep-postgres.sh) runs the server while one of them lives,
/// so neither an exit nor a kill -9 leaves a server behind, and two verbs at once share one.
/// </remarks>
public sealed class PostgresCluster
{
    public const string Superuser = "moss";
    private const int MaxConnections = 200;
    private const int MaxStarts = 50; // what is left of a killed server can refuse a new one for some seconds
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(2);

    private readonly ClusterFolder _folder;
    private readonly string _unpacked;
    private readonly bool _temporary;
    private readonly Waiting _waiting;

    private PostgresCluster(string folder, string unpacked, bool temporary, Action<string> say)
    {
        (_folder, _unpacked, _temporary) = (new ClusterFolder(folder), unpacked, temporary);
        _waiting = new Waiting(say, TimeProvider.System);
    }

    /// <summary>False for a moment after a crash, and before StartAsync.</summary>
    public bool IsRunning => _folder.ServerProcess() is not null;

    /// <summary>The process number of the server, for tests and messages.</summary>
    public int? ServerProcess => _folder.ServerProcess();

    /// <summary>The lasting cluster of an installation.</summary>
    public static PostgresCluster Private(Installation installation, Action<string> say) =>
        new(installation.ClusterFolder, installation.UnpackedPostgres, temporary: false, say);

    /// <summary>A cluster for tests: it does not wait for the disk, and its folder is deleted when its last user has ended.</summary>
    public static PostgresCluster Temporary(Installation installation, Action<string> say) =>
        new(Path.Combine(Path.GetTempPath(), "moss-pg-" + Guid.NewGuid().ToString("N")[..8]), installation.UnpackedPostgres, temporary: true, say);

    /// <summary>Makes the cluster if it is not there, starts it if it is not running, and counts this process as one that uses it.</summary>
    /// <param name="samePort">After a crash others go on connecting to the old port, so no other will do.</param>
    public async Task StartAsync(CancellationToken cancellation, bool samePort = false)
    {
        Directory.CreateDirectory(_folder.Users);
        await File.WriteAllTextAsync(Me, "", cancellation); // before looking, so that a server about to stop sees us
        await using var turn = await LockedFile.TakeAsync(_folder.Lock, "another process that is starting PostgreSQL", _waiting, cancellation);

        foreach (var user in Directory.EnumerateFiles(_folder.Users).Where(user => !IsAlive(user))) File.Delete(user); // killed ones leave theirs
        var binaries = await PostgresBinaries.FindAsync(_unpacked, _folder.Major, cancellation)
            ?? await new PostgresSetup(_unpacked, _waiting).InstallAsync(_folder.Major, cancellation);
        var account = await ServerAccount.ForThisProcessAsync(cancellation); // the package makes it
        if (!_folder.Exists) await InitializeAsync(binaries, account, cancellation);

        string? refusal = "it ends as soon as it is started";
        var started = _waiting.Clock.GetTimestamp();
        for (var ended = 0; ended < MaxStarts && _waiting.Clock.GetElapsedTime(started) < StartTimeout;)
        {
            var running = IsRunning || await LaunchAsync(binaries, account, samePort, cancellation);
            if (!running && ++ended % 10 == 0) _waiting.Say("  … PostgreSQL ends as soon as it is started; trying again");
            if (running && await _waiting.UntilAsync("waiting for PostgreSQL", StartTimeout, async c =>
                    (refusal = await RefusalAsync(c)) is null || !IsRunning, cancellation) && refusal is null) return;
            await Task.Delay(TimeSpan.FromMilliseconds(200), _waiting.Clock, cancellation);
        }
        throw new InvalidOperationException(
            $"PostgreSQL did not start in {_waiting.Clock.GetElapsedTime(started).TotalSeconds:F0} s ({refusal}). The end of '{_folder.Log}': {Tail()}");
    }

    /// <summary>The connection string of a database in this cluster, which is made if it is missing.</summary>
    public async Task<string> ConnectionStringAsync(string database, CancellationToken cancellation)
    {
        await using var connection = new NpgsqlConnection(ConnectionString("postgres"));
        await connection.OpenAsync(cancellation);
        await using var look = new NpgsqlCommand("SELECT 1 FROM pg_database WHERE datname = $1", connection) { Parameters = { new() { Value = database } } };
        if (await look.ExecuteScalarAsync(cancellation) is null)
        {
            await using var create = new NpgsqlCommand($"CREATE DATABASE \"{database.Replace("\"", "\"\"")}\"", connection);
            try
            {
                await create.ExecuteNonQueryAsync(cancellation);
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
            {
                // another process made it in this moment
            }
        }
        return ConnectionString(database);
    }

    /// <summary>Uses the server no longer, and waits until it has stopped if nobody else does.</summary>
    public async Task LeaveAsync(CancellationToken cancellation)
    {
        NpgsqlConnection.ClearAllPools();
        if (File.Exists(Me)) File.Delete(Me);
        if (OthersUseIt())
        {
            _waiting.Say("PostgreSQL goes on: another process uses it.");
            return;
        }
        await _waiting.UntilAsync("PostgreSQL is stopping", TimeSpan.FromSeconds(70),
            _ => Task.FromResult(!IsRunning && !(_temporary && Directory.Exists(_folder.Path)) || OthersUseIt()), cancellation);
    }

    private string Me => Path.Combine(_folder.Users, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));

    private bool OthersUseIt() => Directory.Exists(_folder.Users) && Directory.EnumerateFiles(_folder.Users).Any(IsAlive);

    private static bool IsAlive(string user) =>
        int.TryParse(Path.GetFileName(user), CultureInfo.InvariantCulture, out var id) && LiveProcess.CommandLine(id) is not null;

    private string ConnectionString(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = _folder.Port,
        Username = Superuser,
        Password = _folder.Password,
        Database = database,
    }.ToString();

    private async Task InitializeAsync(PostgresBinaries binaries, ServerAccount account, CancellationToken cancellation)
    {
        var aside = _folder.Data + ".new";
        if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true); // an attempt that was cut short
        var password = _folder.NewPassword();
        PrivateFile.CloseFolder(_folder.Path);
        await account.OwnAsync(_folder.Path, cancellation);

        async Task<ToolRun> InitAsync(string locale) => await _waiting.ForAsync("PostgreSQL is making its data folder", ToolRun.OfAsync(account.Command(
            [binaries.Initdb, "-D", aside, "-U", Superuser, "--pwfile", password, "-A", "scram-sha-256", "-E", "UTF8", locale, .. _temporary ? ["-N"] : Array.Empty<string>()]), cancellation));
        var run = await InitAsync("--locale=C.UTF-8");
        if (run.ExitCode != 0) run = await InitAsync("--no-locale"); // macOS knows no C.UTF-8
        if (run.ExitCode != 0) throw new InvalidOperationException($"initdb could not make '{aside}': {run.Output}");
        Directory.Move(aside, _folder.Data);
    }

    // Starts the server; false when it refused, or when another program holds the port that must be kept.
    private async Task<bool> LaunchAsync(PostgresBinaries binaries, ServerAccount account, bool samePort, CancellationToken cancellation)
    {
        if (!ClusterFolder.IsFree(IPAddress.Loopback, _folder.Port))
        {
            if (samePort) return false;
            _folder.Port = ClusterFolder.FreePort();
        }
        await account.OwnAsync(_folder.Path, cancellation); // another account than before, when the package came later
        if (File.Exists(_folder.Log) && new FileInfo(_folder.Log).Length > LogFile.MaxBytes)
            File.Move(_folder.Log, _folder.Log + ".1", overwrite: true);
        string[] lasting = [], forgetful = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"];
        var command = EmbeddedScript.Command(EmbeddedScript.KeepPostgres, [
            _folder.Users, _folder.Log, _temporary ? _folder.Path : "",
            .. account.Command(binaries.Server, "-D", _folder.Data, "-p", _folder.Port.ToString(CultureInfo.InvariantCulture)),
            "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={_folder.SocketFolder}",
            "-c", $"max_connections={MaxConnections}", "-c", "logging_collector=off", "-c", "log_destination=stderr",
            .. _temporary ? forgetful : lasting]);
        using var keeper = Process.Start(new ProcessStartInfo(command.First(), command.Skip(1)) { RedirectStandardInput = true })!;

        // The server writes its process number within milliseconds, unless it refuses to start.
        for (var started = _waiting.Clock.GetTimestamp(); !IsRunning && _waiting.Clock.GetElapsedTime(started) < TimeSpan.FromSeconds(5);)
        {
            if (keeper.HasExited) return false;
            await Task.Delay(TimeSpan.FromMilliseconds(20), _waiting.Clock, cancellation);
        }
        return true;
    }

    // Null when the server takes connections; otherwise why not.
    private async Task<string?> RefusalAsync(CancellationToken cancellation)
    {
        try
        {
            await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false;Timeout=5");
            await connection.OpenAsync(cancellation);
            return null;
        }
        catch (NpgsqlException e)
        {
            return e.Message;
        }
    }

    private string Tail() => File.Exists(_folder.Log) ? string.Join(Environment.NewLine, File.ReadLines(_folder.Log).TakeLast(5)) : "(there is none)";
}
