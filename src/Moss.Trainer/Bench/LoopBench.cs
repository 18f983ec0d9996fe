using System.Diagnostics;
using System.Globalization;
using Moss.Trainer.Demo;
using Moss.Trainer.Local;

namespace Moss.Trainer.Bench;

/// <summary>The figures of the loop, one after the other, in a database and with a server of their own that are gone afterwards.</summary>
internal sealed class LoopBench(Installation users, string conversations, int messages, int requests)
{
    private const string Name = "bench";
    private const int Writers = 8;

    public async Task RunAsync(Action<object> print, CancellationToken cancellation)
    {
        var waiting = new Waiting(Console.Error.WriteLine, TimeProvider.System); // the figures alone go to standard output
        await using var place = await DemoPlace.OpenAsync(users, waiting, cancellation, Name, kept: false);
        print(await Conditions.ReadAsync(place.ConnectionString, cancellation));
        print(await new ImportBench(place.Open, conversations).RunAsync("bench-import", cancellation));
        var store = new StoreBench(place.Open, messages);
        print(await store.RunAsync(writers: 1, cancellation));
        print(await store.RunAsync(Writers, cancellation));

        await place.InviteStarterAsync(users, progress => Console.Error.WriteLine(progress), cancellation);
        await place.StartAsync(waiting, cancellation, worker: false);
        print(await new FirstTokenBench(place.Installation.Serve, requests).RunAsync(cancellation, ServerProcess(place)));
    }

    private static Process ServerProcess(DemoPlace place) => Process.GetProcessById(
        int.Parse(File.ReadLines(Path.Combine(place.Installation.RunFolder, "serve.pid")).First(), CultureInfo.InvariantCulture));
}
