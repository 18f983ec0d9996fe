using System.Globalization;
using Moss.Data;
using Moss.Trainer.Deployments;
using Moss.Trainer.Local;
using Npgsql;

namespace Moss.Trainer.Demo;

/// <summary>Where the demo plays: a database, a state folder and ports of its own, with `serve` and `work` running, none of which outlives it.</summary>
internal sealed class DemoPlace : IAsyncDisposable
{
    private const string Database = "moss_demo";

    private readonly FileStream _lock;
    private readonly PostgresCluster? _cluster;
    private readonly List<KeptProgram> _programs = [];

    private DemoPlace(FileStream locked, PostgresCluster? cluster, Installation installation, string connectionString) =>
        (_lock, _cluster, Installation, ConnectionString) = (locked, cluster, installation, connectionString);

    public Installation Installation { get; }
    public string ConnectionString { get; }

    public MossDbContext Open() => MossData.Open(ConnectionString);

    /// <summary>Makes the place anew: what an earlier demo left is deleted.</summary>
    public static async Task<DemoPlace> OpenAsync(Installation users, Waiting waiting, CancellationToken cancellation)
    {
        Directory.CreateDirectory(users.State);
        var locked = await LockedFile.TakeAsync(Path.Combine(users.State, "demo.lock"), "another demo", waiting, cancellation);
        PostgresCluster? cluster = null;
        try
        {
            var state = Path.Combine(users.State, "demo");
            if (Directory.Exists(state)) Directory.Delete(state, recursive: true);
            Directory.CreateDirectory(Path.Combine(state, "run"));
            Directory.CreateDirectory(Path.Combine(state, "logs"));
            var installation = users with
            {
                State = state, Checkpoints = Path.Combine(state, "checkpoints"), Serve = FreeAddress(), Work = FreeAddress(),
            };
            if (MossDatabase.Given is null)
            {
                cluster = PostgresCluster.Private(users, waiting.Say);
                await cluster.StartAsync(cancellation);
            }
            var server = MossDatabase.Given ?? await cluster!.ConnectionStringAsync("postgres", cancellation);
            var connection = new NpgsqlConnectionStringBuilder(server) { Database = Database }.ConnectionString;
            await DropAsync(server, cancellation);
            await DatabaseCreation.CreateIfMissingAsync(connection, cancellation);
            await MossDatabase.MigrateAsync(installation, connection, waiting.Say, cancellation);
            return new DemoPlace(locked, cluster, installation, connection);
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

    public async Task StartAsync(Waiting waiting, CancellationToken cancellation)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        foreach (var program in new[] { ChildProgram.Serve(Installation), ChildProgram.Work(Installation) })
        {
            var log = new LogFile(Path.Combine(Installation.LogFolder, program.Name + ".log"));
            var kept = new KeptProgram(program, Path.Combine(Installation.RunFolder, program.Name + ".pid"), log, Variables(), waiting);
            _programs.Add(kept);
            kept.Start();
        }
        foreach (var kept in _programs)
            if (await kept.WhyNotReadyAsync(http, TimeSpan.FromMinutes(1), cancellation) is { } reason)
                throw new InvalidOperationException($"`{kept.Name}` is not ready: {reason.TrimEnd('.')}. See {Path.Combine(Installation.LogFolder, kept.Name + ".log")}.");
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_programs.Select(p => p.DisposeAsync().AsTask()));
        NpgsqlConnection.ClearAllPools();
        if (_cluster is not null) await _cluster.LeaveAsync(CancellationToken.None);
        await _lock.DisposeAsync();
    }

    /// <summary>As everywhere, only quicker: nobody should wait for a timer here.</summary>
    private Dictionary<string, string> Variables() => new(Installation.Variables())
    {
        [Installation.DatabaseVariable] = ConnectionString,
        ["Work__DispatchSeconds"] = "1", ["Work__PollSeconds"] = "0.2", ["Work__HeartbeatSeconds"] = "2", ["Work__LeaseSeconds"] = "20",
        ["Serve__LookSeconds"] = "1",
    };

    private static async Task DropAsync(string server, CancellationToken cancellation)
    {
        await using var connection = new NpgsqlConnection(server);
        await connection.OpenAsync(cancellation);
        await using var drop = new NpgsqlCommand($"DROP DATABASE IF EXISTS {Database} WITH (FORCE)", connection);
        await drop.ExecuteNonQueryAsync(cancellation);
    }

    private static Uri FreeAddress() => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{ClusterFolder.FreePort()}"));
}
