using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Deployments;
using Moss.Trainer.Serving;
using Moss.Trainer.Tests.Setup;
using Npgsql;

namespace Moss.Trainer.Tests.Serving;

/// <summary>A model server in this process on a port of its own, with a database, and checkpoints "a" and "b"; "a" is deployed.</summary>
public sealed class ServeWorld(PostgresServer postgres) : IAsyncLifetime
{
    private WebApplication? _app;
    private CuttableLine? _line;

    public string ConnectionString { get; private set; } = "";
    public string Checkpoints { get; } = Directory.CreateTempSubdirectory("moss-serve-").FullName;
    public string Url { get; private set; } = "";
    public ServeClient Client { get; private set; } = null!;
    internal Checkpoint A { get; private set; } = null!;
    internal Checkpoint B { get; private set; } = null!;
    internal CuttableLine Line => _line!;

    /// <summary>The same database over the line that can be cut.</summary>
    public string ServersConnectionString => new NpgsqlConnectionStringBuilder(ConnectionString) { Host = "127.0.0.1", Port = Line.Port, Timeout = 2 }.ConnectionString;

    public async ValueTask InitializeAsync()
    {
        ConnectionString = await postgres.CreateAsync();
        var direct = new NpgsqlConnectionStringBuilder(ConnectionString);
        _line = new CuttableLine(direct.Host!, direct.Port);
        (A, B) = (await RegisterAsync("a", seed: 1), await RegisterAsync("b", seed: 2));
        await DeployAsync(A);
        await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (_line is not null) await _line.DisposeAsync();
        Directory.Delete(Checkpoints, recursive: true);
    }

    /// <summary>Starts the server, on a new port, and waits until it has a checkpoint or says why not.</summary>
    public async Task StartAsync(params string[] settings)
    {
        Url = $"http://127.0.0.1:{FreePort()}";
        _app = ServeApp.Create(Url, ServersConnectionString, Checkpoints, ["--Serve:LookSeconds=0.2", "--Serve:Threads=1", "--Logging:LogLevel:Default=Error", .. settings]);
        await _app.StartAsync(Test);
        Client = new ServeClient(Url);
        await Client.UntilReadyAsync();
    }

    public async Task StopAsync()
    {
        Client?.Dispose();
        if (_app is null) return;
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        _app = null;
    }

    /// <summary>Another database in which nothing was ever deployed.</summary>
    public Task<string> EmptyDatabaseAsync() => postgres.CreateAsync();

    public MossDbContext Open() => MossData.Open(ConnectionString);

    internal async Task<Checkpoint> RegisterAsync(string name, int seed)
    {
        var manifest = BabblingCheckpoint.Make(Checkpoints, name, seed);
        await using var db = Open();
        return await db.RegisterBaseAsync(new Checkpoint
        {
            Name = name,
            Kind = CheckpointKind.Base,
            Family = "qwen3",
            Folder = name,
            ManifestSha256 = manifest,
            TemplateSha256 = new('0', 64),
            CreatedAt = TimeProvider.System.GetUtcNow(),
        }, Test);
    }

    internal async Task DeployAsync(Checkpoint checkpoint, string name = Deployment.Champion)
    {
        await using var db = Open();
        await db.DeployAsync(name, checkpoint.Id, "test", null, Test);
    }

    /// <summary>What the server last said about itself.</summary>
    public async Task<Server?> ReportAsync()
    {
        await using var db = Open();
        return await db.Servers.AsNoTracking().SingleOrDefaultAsync(s => s.Url == Url, Test);
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static CancellationToken Test => TestContext.Current.CancellationToken;
}
