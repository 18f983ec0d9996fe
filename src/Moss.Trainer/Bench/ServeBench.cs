using System.Diagnostics;
using System.Globalization;
using Moss.Trainer.Demo;
using Moss.Trainer.Local;

namespace Moss.Trainer.Bench;

/// <summary>How much is asked of a server.</summary>
/// <param name="Times">Of the server's own capacity, measured first.</param>
/// <param name="Seconds">Length of the load.</param>
/// <param name="Clients">Most requests under way at once; later arrivals are put off, and counted.</param>
internal sealed record ServeLoad(double Times, double Seconds, int Clients, int Tokens);

/// <summary>Open-loop load on a server of its own: requests arrive as a Poisson process, whether or not earlier ones are answered.</summary>
internal sealed class ServeBench(Installation users, IReadOnlyList<ServeLoad> loads)
{
    private const string Name = "bench_serve";
    private const double WarmUpSeconds = 3, CapacitySeconds = 10;

    public async Task RunAsync(Action<object> print, CancellationToken cancellation)
    {
        var waiting = new Waiting(Console.Error.WriteLine, TimeProvider.System); // the figures alone go to standard output
        await using var place = await DemoPlace.OpenAsync(users, waiting, cancellation, Name, kept: false);
        print(await Conditions.ReadAsync(place.ConnectionString, cancellation));
        await place.InviteStarterAsync(users, progress => Console.Error.WriteLine(progress), cancellation);
        await place.StartAsync(waiting, cancellation, worker: false);
        using var server = ServerProcess(place);
        using var clients = new LoadClients(place.Installation.Serve);
        foreach (var load in loads)
        {
            await clients.ClosedAsync(load.Tokens, WarmUpSeconds, cancellation);
            var best = LoadFigures.Of(await clients.ClosedAsync(load.Tokens, CapacitySeconds, cancellation), CapacitySeconds);
            var before = Memory(server);
            var rate = load.Times * best.AnsweredPerSecond;
            var asked = await clients.OpenAsync(load.Tokens, rate, load.Seconds, load.Clients, cancellation);
            var figures = LoadFigures.Of(asked, load.Seconds);
            print(new
            {
                bench = "serve",
                cores = Environment.ProcessorCount,
                load_average = Conditions.LoadAverage(),
                capacity_replies_per_second = Round(best.AnsweredPerSecond),
                capacity_tokens_per_second = Round(best.TokensPerSecond),
                times_capacity = load.Times,
                arrivals_per_second = Round(rate),
                seconds = load.Seconds,
                most_clients = load.Clients,
                tokens_per_reply = load.Tokens,
                arrived = figures.Arrived,
                answered = figures.Answered,
                refused = figures.Refused,
                failed = figures.Failed,
                first_failure = figures.FirstFailure,
                tokens_per_second = Round(figures.TokensPerSecond),
                first_token_ms = figures.FirstToken,
                refusal_ms = figures.Refusal,
                retry_after_s = figures.RetryAfter,
                server_rss_bytes_before = before,
                server_rss_bytes_after = Memory(server),
            });
        }
    }

    private static double Round(double number) => Math.Round(number, 1);

    private static long Memory(Process process)
    {
        process.Refresh();
        return process.WorkingSet64;
    }

    private static Process ServerProcess(DemoPlace place) => Process.GetProcessById(
        int.Parse(File.ReadLines(Path.Combine(place.Installation.RunFolder, "serve.pid")).First(), CultureInfo.InvariantCulture));
}
