using System.Diagnostics;
using Moss.Trainer.Serving;
using Moss.Trainer.Tests.Serving;
using static Moss.Trainer.Tests.Serving.ServeClient;

namespace Moss.Trainer.Tests.Deployments;

public sealed class ServeProcessTests(ServeWorld world) : IClassFixture<ServeWorld>
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task After_kill_9_in_mid_stream_a_new_process_serves_what_is_deployed_and_SIGTERM_ends_it_cleanly()
    {
        await world.StopAsync();
        var url = $"http://127.0.0.1:{ServeWorld.FreePort()}";
        using var client = new ServeClient(url);

        using (var first = Start(url))
        {
            await client.UntilReadyAsync();
            // Many at once, and none comes faster than the others: not all of them can have ended when the first word is here.
            var streams = Enumerable.Range(0, 12).Select(i => client.StreamAsync(
                Asking($"who {i}", maxTokens: 200, temperature: 1), each: _ => { if (!first.HasExited) first.Kill(); }, cancellation: Test)).ToList();
            await first.WaitForExitAsync(Test);
            var ends = await Task.WhenAll(streams.Select(s => s.ContinueWith(t => t.IsFaulted ? null : t.GetAwaiter().GetResult()[^1], TaskScheduler.Default)));
            Assert.Contains(null, ends); // the line breaks; there is no [DONE] to take for an end
            Assert.All(ends, end => Assert.True(end is null or "[DONE]"));
        }

        await world.DeployAsync(world.B);
        using var second = Start(url);
        try
        {
            await client.UntilReadyAsync();
            Assert.Equal("b", (await client.AskAsync(Asking("who")))["model"]!.GetValue<string>());
            using (var term = Process.Start("bash", ["-c", $"kill -s TERM {second.Id}"])) await term.WaitForExitAsync(Test);
            await second.WaitForExitAsync(Test).WaitAsync(TimeSpan.FromSeconds(20), Test);
            Assert.Equal(0, second.ExitCode);
        }
        finally
        {
            if (!second.HasExited) second.Kill();
        }
    }

    private Process Start(string url)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(ServeOptions).Assembly.Location, "serve"]);
        start.Environment["MOSS_DB"] = world.ConnectionString;
        start.Environment["MOSS_CHECKPOINTS"] = world.Checkpoints;
        start.Environment["MOSS_SERVE_URL"] = url;
        start.Environment["Serve__LookSeconds"] = "0.2";
        start.Environment["Serve__Threads"] = "1";
        return Process.Start(start)!;
    }
}
