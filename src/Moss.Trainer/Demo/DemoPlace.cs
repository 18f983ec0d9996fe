using System.Globalization;
using Moss.Data;
using Moss.Trainer.Deployments;
using Moss.Trainer.Local;
using Npgsql;

namespace Moss.Trainer.Demo;

/// <summary>Where the demo plays and figures are taken: a database, a state folder and ports of its own, with programs running that do not outlive it.</summary>
internal sealed class DemoPlace : IAsyncDisposable
{
    private readonly FileStream _lock;
    private readonly PostgresCluster? _cluster;
    private readonly List<KeptProgram> _programs = [];
    private Func<Task>? _dropAtEnd;

    private DemoPlace(FileStream locked, PostgresCluster? cluster, Installation installation, string connectionString) =>
        (_lock, _cluster, Installation, ConnectionString) = (locked, cluster, installation, connectionString);

    public Installation Installation { get; }
    public string ConnectionString { get; }

    public MossDbContext Open() => MossData.Open(ConnectionString);

    /// <summary>Makes the place anew: what an earlier one of this name left is deleted.</summary>
    /// <param name="kept">Whether the database and the folder stay for whoever wants to look; otherwise they are deleted at the end.</param>
    public static async Task<DemoPlace> OpenAsync(
        Installation users, Waiting waiting, CancellationToken cancellation, string name = "demo", bool kept = true)
    {
        Directory.CreateDirectory(users.State);
        var locked = await LockedFile.TakeAsync(Path.Combine(users.State, name + ".lock"), "another " + name, waiting, cancellation);
        PostgresCluster? cluster = null;
        try
        {
            var state = Path.Combine(users.State, name);
            if (Directory.Exists(state)) Directory.Delete(state, recursive: true);
            Directory.CreateDirectory(Path.Combine(state, "run"));
            Directory.CreateDirectory(Path.Combine(state, "logs"));
            var installation = users with
            {
                State = state,
                Checkpoints = Path.Combine(state, "checkpoints"),
                Serve = FreeAddress(),
                Work = FreeAddress(),
            };
            if (MossDatabase.Given is null)
            {
                cluster = PostgresCluster.Private(users, waiting.Say);
                await cluster.StartAsync(cancellation);
            }
            var server = MossDatabase.Given ?? await cluster!.ConnectionStringAsync("postgres", cancellation);
            var connection = new NpgsqlConnectionStringBuilder(server) { Database = Database(name) }.ConnectionString;
            await DropAsync(server, name, cancellation);
            await DatabaseCreation.CreateIfMissingAsync(connection, cancellation);
            await MossDatabase.MigrateAsync(installation, connection, waiting.Say, cancellation);
            return new DemoPlace(locked, cluster, installation, connection) { _dropAtEnd = kept ? null : () => DropAsync(server, name, CancellationToken.None) };
        }
        catch
        {
            if (cluster is not null) await cluster.LeaveAsync(CancellationToken.None);
            await locked.DisposeAsync();
            throw;
        }
    }

    /// <summary>The user's own first checkpoint, made if it is missing, takes part as it is: by a link, registered and deployed in the demo's database.</summary>
    public async Task<string> InviteStarterAsync(Installation users, Action<StarterProgress> say, CancellationToken cancellation)
    {
        var starter = await Starter.MakeAsync(users, say, cancellation);
        Directory.CreateDirectory(Installation.Checkpoints);
        Directory.CreateSymbolicLink(Path.Combine(Installation.Checkpoints, Path.GetFileName(starter.Folder)), starter.Folder);
        return (await starter.RegisterAsync(ConnectionString, cancellation)).Checkpoint.Name;
    }

    /// <param name="worker">Whether `work` runs too; without it nothing but `serve` is at work.</param>
    public async Task StartAsync(Waiting waiting, CancellationToken cancellation, bool worker = true)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        var serve = ChildProgram.Serve(Installation) with { Health = "/readyz" };
        foreach (var program in worker ? [serve, ChildProgram.Work(Installation)] : new[] { serve })
        {
            var log = new LogFile(Path.Combine(Installation.LogFolder, program.Name + ".log"));
            var kept = new KeptProgram(program, Path.Combine(Installation.RunFolder, program.Name + ".pid"), log, Variables(), waiting);
            _programs.Add(kept);
            kept.Start();
        }
        foreach (var kept in _programs)
            if (!await kept.IsReadyAsync(http, TimeSpan.FromMinutes(1), cancellation))
                throw new InvalidOperationException($"`{kept.Name}` does not answer. See {Path.Combine(Installation.LogFolder, kept.Name + ".log")}.");
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_programs.Select(p => p.DisposeAsync().AsTask()));
        NpgsqlConnection.ClearAllPools();
        if (_dropAtEnd is { } dropAsync)
        {
            await dropAsync();
            Directory.Delete(Installation.State, recursive: true);
        }
        if (_cluster is not null) await _cluster.LeaveAsync(CancellationToken.None);
        await _lock.DisposeAsync();
    }

    /// <summary>As everywhere, only quicker: nobody should wait for a timer here.</summary>
    private Dictionary<string, string> Variables() => new(Installation.Variables())
    {
        [Installation.DatabaseVariable] = ConnectionString,
        ["Work__DispatchSeconds"] = "1",
        ["Work__PollSeconds"] = "0.2",
        ["Work__HeartbeatSeconds"] = "2",
        ["Work__LeaseSeconds"] = "20",
        ["Serve__LookSeconds"] = "1",
    };

    private static async Task DropAsync(string server, string name, CancellationToken cancellation)
    {
        await using var connection = new NpgsqlConnection(server);
        await connection.OpenAsync(cancellation);
        await using var drop = new NpgsqlCommand($"DROP DATABASE IF EXISTS {Database(name)} WITH (FORCE)", connection);
        await drop.ExecuteNonQueryAsync(cancellation);
    }

    private static string Database(string name) => "moss_" + name;

    private static Uri FreeAddress() => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{ClusterFolder.FreePort()}"));
}
