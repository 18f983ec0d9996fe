using System.CommandLine;
using System.Globalization;
using Moss.Trainer.Demo;
using Moss.Trainer.Local;

namespace Moss.Trainer.Cli;

/// <summary>`demo`: the whole circle on this machine, told as a story; exit code 0 only if it ends well.</summary>
internal static class DemoVerb
{
    public static Command Create() => new Command("demo", "See the whole circle once: ask, correct, train, deploy, ask again.").Does(RunAsync);

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var clock = TimeProvider.System;
        var started = clock.GetTimestamp();
        var users = Installation.FromEnvironment();
        var waiting = new Waiting(Console.WriteLine, clock);
        Console.WriteLine("MOSS is a conversational model that learns from what people say about its answers. This is that circle, once, for real:");
        Console.WriteLine("a real database, real training on this machine's processor, and no picture of it faked. It uses a database and ports of its own.");
        Console.WriteLine("");
        Console.WriteLine("Setting the scene.");

        bool well;
        await using (var place = await DemoPlace.OpenAsync(users, waiting, cancellation))
        {
            var starter = await place.InviteStarterAsync(users, progress => Console.WriteLine("  … " + progress), cancellation);
            await place.StartAsync(waiting, cancellation);
            Console.WriteLine($"  PostgreSQL, a model server and a worker are running; MOSS speaks as checkpoint {starter}.");
            well = await new DemoStory(place, Console.WriteLine, clock).TellAsync(cancellation);
        }

        var seconds = clock.GetElapsedTime(started).TotalSeconds;
        Console.WriteLine("");
        Console.WriteLine(well
            ? string.Create(CultureInfo.InvariantCulture, $"The circle is closed, in {seconds:F0} s. Do it yourself: ./moss up")
            : string.Create(CultureInfo.InvariantCulture, $"The demo failed after {seconds:F0} s. Logs: {Path.Combine(users.State, "demo", "logs")}"));
        return well ? 0 : 1;
    }
}
