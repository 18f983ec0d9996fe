using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Moss.Trainer.Serving;

namespace Moss.Trainer.Local;

/// <summary>What `up` is: PostgreSQL, the migrations, the portal, the first checkpoint, `serve` and `work`, kept running until it is stopped.</summary>
/// <param name="others">Programs to keep instead of the product's own, with no migrations and no first checkpoint; for tests.</param>
internal sealed class Supervisor(Installation installation, IReadOnlyList<ChildProgram>? others, Action<string> say, TimeProvider clock)
    : IDisposable
{
    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromMinutes(2);

    private readonly Waiting _waiting = new(say, clock);
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly List<KeptProgram> _kept = [];

    public async Task<int> RunAsync(CancellationToken stop)
    {
        var started = clock.GetTimestamp();
        var running = new RunningInstallation(installation);
        await using var lockFile = running.TryBecome();
        if (lockFile is null)
        {
            say($"MOSS runs already (process {running.Process()}): {installation.Portal}. Stop it with ./moss down.");
            return 0;
        }
        Directory.CreateDirectory(installation.LogFolder);
        await running.EndLeftoversAsync(_waiting, stop);
        PostgresCluster? cluster = MossDatabase.Given is null ? PostgresCluster.Private(installation, say) : null;
        using var stopCluster = new CancellationTokenSource();
        var keepingCluster = Task.CompletedTask;
        try
        {
            if (cluster is not null)
            {
                await cluster.StartAsync(stop);
                keepingCluster = KeepAsync(cluster, stopCluster.Token);
            }
            var connection = await MossDatabase.ConnectAsync(installation, say, stop);
            if (cluster is not null) say($"PostgreSQL is ready after {Seconds(started)}.");
            await (others is null ? StartProductAsync(connection, started, stop) : StartOthersAsync(connection, stop));
            await Task.Delay(Timeout.Infinite, stop);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 0;
        }
        finally
        {
            say("Stopping.");
            foreach (var program in Enumerable.Reverse(_kept)) await program.DisposeAsync();
            await stopCluster.CancelAsync();
            await keepingCluster;
            if (cluster is not null) await cluster.LeaveAsync(CancellationToken.None);
            say("Everything has stopped.");
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task StartProductAsync(string connection, long started, CancellationToken stop)
    {
        var variables = Variables(connection);
        await MossDatabase.MigrateAsync(installation, connection, say, stop);
        ChildProgram[] servers = [ChildProgram.Portal(installation), ChildProgram.Serve(installation), ChildProgram.Work(installation)];
        foreach (var server in servers) EnsurePortIsFree(server);

        await ReadyAsync([Keep(servers[0], variables)], stop);
        await InviteAsync($"The portal answers after {Seconds(started)}", stop);
        KeptProgram[] trainer = [Keep(servers[1], variables), Keep(servers[2], variables)]; // `serve` waits for the first deployment
        await MakeFirstCheckpointAsync(variables, stop);
        await ReadyAsync(trainer, stop);
        await LoadedAsync(stop);

        say("");
        await InviteAsync($"MOSS is ready after {Seconds(started)}", stop);
        say($"Logs: {installation.LogFolder}. Ctrl-C stops everything.");
    }

    private async Task InviteAsync(string state, CancellationToken stop)
    {
        say($"{state}: {installation.Portal}");
        if (!await HasAdministratorAsync(stop))
            say($"Make the first administrator here (works once): {new Uri(installation.Portal, "/Account/FirstAdministrator?token=" + SetupToken.Of(installation))}");
    }

    private async Task StartOthersAsync(string connection, CancellationToken stop)
    {
        var variables = Variables(connection);
        await ReadyAsync([.. others!.Select(program => Keep(program, variables))], stop);
        say("Ready.");
    }

    private Dictionary<string, string> Variables(string connection) => new(installation.Variables())
    {
        [Installation.DatabaseVariable] = connection,
        [Installation.SetupTokenVariable] = SetupToken.Of(installation),
    };

    private KeptProgram Keep(ChildProgram program, IReadOnlyDictionary<string, string> variables)
    {
        var kept = new KeptProgram(program, PidFile(program), Log(program), variables, _waiting);
        _kept.Add(kept);
        kept.Start();
        return kept;
    }

    private async Task ReadyAsync(IReadOnlyList<KeptProgram> programs, CancellationToken stop)
    {
        foreach (var program in programs)
            if (!await program.IsReadyAsync(_http, ReadyTimeout, stop))
                say($"{program.Name} does not answer yet; it is started again whenever it ends. See {Path.Combine(installation.LogFolder, program.Name + ".log")}.");
    }

    // `serve` listens before its checkpoint is in memory; who is told that MOSS is ready asks at once.
    private async Task LoadedAsync(CancellationToken stop)
    {
        string? refusal = null;
        await _waiting.UntilAsync("serve is loading its checkpoint", ReadyTimeout, async c =>
        {
            try
            {
                using var answer = await _http.GetAsync(new Uri(installation.Serve, "/readyz"), c);
                var state = await answer.Content.ReadFromJsonAsync<JsonElement>(c);
                refusal = answer.IsSuccessStatusCode ? null : state.GetProperty("reason").GetString();
                return answer.IsSuccessStatusCode || state.GetProperty("status").GetString() == HealthApi.Refused;
            }
            catch (Exception e) when (e is HttpRequestException or JsonException || (e is OperationCanceledException && !c.IsCancellationRequested))
            {
                return false; // it may have ended and be about to start again
            }
        }, stop);
        if (refusal is not null) say($"MOSS cannot answer yet: {refusal}");
    }

    private async Task MakeFirstCheckpointAsync(Dictionary<string, string> variables, CancellationToken stop)
    {
        var starter = ChildProgram.Starter(installation);
        var log = Log(starter);
        log.Begin(clock.GetUtcNow());
        await using var process = GuardedProcess.Start(starter.Command, PidFile(starter), starter.WorkingDirectory, variables, line =>
        {
            log.Write(line);
            if (!stop.IsCancellationRequested) say("  " + line);
        });
        await process.Ended.WaitAsync(stop);
        if (await process.Ended is not 0 and var code)
            throw new InvalidOperationException($"The first checkpoint could not be made (code {code}). The end of '{log.Path}':\n{log.Tail()}");
    }

    private async Task KeepAsync(PostgresCluster cluster, CancellationToken stop)
    {
        var pauses = new BackOff(clock);
        try
        {
            for (; ; await Task.Delay(TimeSpan.FromMilliseconds(500), clock, stop))
            {
                if (cluster.IsRunning) continue;
                var pause = pauses.Next();
                say($"PostgreSQL has ended; it starts again in {pause.TotalSeconds:0.#} s.");
                await Task.Delay(pause, clock, stop);
                pauses.Started();
                try { await cluster.StartAsync(stop, samePort: true); }
                catch (InvalidOperationException e) { say(e.Message); }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // the supervisor is stopping
        }
    }

    internal static void EnsurePortIsFree(ChildProgram program)
    {
        if (program.Address is not { IsLoopback: true } address || ClusterFolder.IsFree(IPAddress.Loopback, address.Port)) return;
        throw new InvalidOperationException(
            $"Port {address.Port}, on which {program.Name} is to listen, is in use by another program. " +
            $"Stop that one, or choose another port: {program.AddressVariable}=http://{address.Host}:{ClusterFolder.FreePort()} ./moss up");
    }

    private async Task<bool> HasAdministratorAsync(CancellationToken cancellation)
    {
        try
        {
            var health = await _http.GetFromJsonAsync<JsonElement>(new Uri(installation.Portal, "/healthz"), cancellation);
            return health.TryGetProperty("administrator", out var administrator) && administrator.GetBoolean();
        }
        catch (Exception e) when (e is HttpRequestException or JsonException)
        {
            return false; // the link is of no use to anyone once there is an administrator
        }
    }

    private string PidFile(ChildProgram program) => Path.Combine(installation.RunFolder, program.Name + ".pid");

    private LogFile Log(ChildProgram program) => new(Path.Combine(installation.LogFolder, program.Name + ".log"));

    private string Seconds(long since) => string.Create(CultureInfo.InvariantCulture, $"{clock.GetElapsedTime(since).TotalSeconds:F1} s");
}
