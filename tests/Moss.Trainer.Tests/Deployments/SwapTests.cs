using System.Text.Json.Nodes;
using Moss.Data.Deployments;
using Moss.Trainer.Tests.Serving;
using static Moss.Trainer.Tests.Serving.ServeClient;

namespace Moss.Trainer.Tests.Deployments;

public sealed class SwapTests(ServeWorld world) : IClassFixture<ServeWorld>
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Twenty_clients_notice_nothing_while_checkpoints_are_swapped_each_reply_is_wholly_from_the_one_it_names()
    {
        await world.DeployAsync(world.A);
        var expected = new Dictionary<string, string>
        {
            ["a"] = Text(await world.Client.AskAsync(Question("a"))),
            ["b"] = Text(await world.Client.AskAsync(Question("b"))),
        };
        Assert.NotEqual(expected["a"], expected["b"]);
        using var enough = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 20).Select(i => AskUntilAsync(i % 2 == 0, enough.Token)).ToList();
        for (var swap = 1; swap <= 8; swap++)
        {
            var (next, name) = swap % 2 == 1 ? (world.B, "b") : (world.A, "a");
            await world.DeployAsync(next);
            await UntilAsync($"{name} is the champion", async () => (await ChampionAsync()) == name);
            await Task.Delay(150, Test);
        }
        await enough.CancelAsync();
        var replies = (await Task.WhenAll(clients)).SelectMany(r => r).ToList();

        Assert.All(replies, reply => Assert.Equal(expected[reply.Checkpoint], reply.Text));
        Assert.Equal(["a", "b"], replies.Select(r => r.Checkpoint).Distinct().Order());
        TestContext.Current.TestOutputHelper?.WriteLine($"{replies.Count} replies over 8 swaps");
    }

    [Fact]
    public async Task Rolling_back_takes_less_than_a_second_because_the_former_checkpoint_is_still_in_memory()
    {
        await world.DeployAsync(world.A);
        await UntilAsync("a is the champion", async () => await ChampionAsync() == "a");
        await world.DeployAsync(world.B);
        await UntilAsync("b is the champion", async () => await ChampionAsync() == "b");

        var started = TimeProvider.System.GetTimestamp();
        await using (var db = world.Open()) await db.RollBackAsync(Deployment.Champion, "test", null, Test);
        await UntilAsync("a is the champion again", async () => await ChampionAsync() == "a");

        TestContext.Current.TestOutputHelper?.WriteLine($"rolled back in {TimeProvider.System.GetElapsedTime(started).TotalMilliseconds:F0} ms");
        Assert.Equal("a", (await world.Client.AskAsync(Question("champion")))["model"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_damaged_checkpoint_is_refused_with_its_reason_and_the_old_one_goes_on_also_after_a_restart()
    {
        await world.DeployAsync(world.A);
        await UntilAsync("a is the champion", async () => await ChampionAsync() == "a");
        var damaged = await world.RegisterAsync("damaged", seed: 3);
        var weights = Path.Combine(world.Checkpoints, "damaged", "model.safetensors");
        var bytes = await File.ReadAllBytesAsync(weights, Test);
        bytes[^100] ^= 1;
        await File.WriteAllBytesAsync(weights, bytes, Test);

        await world.DeployAsync(damaged);
        await UntilAsync("the reason is reported", async () => (await world.ReportAsync())?.Error?.Contains("model.safetensors", StringComparison.Ordinal) == true);
        Assert.Equal("a", await ChampionAsync());
        Assert.Equal("a", (await world.Client.AskAsync(Question("champion")))["model"]!.GetValue<string>());

        await world.StopAsync();
        await world.StartAsync();
        Assert.Equal("a", await ChampionAsync());
        await UntilAsync("the new server reports the reason too", async () => (await world.ReportAsync())?.Error?.Contains("SHA-256", StringComparison.Ordinal) == true);

        await world.DeployAsync(world.B);
        await UntilAsync("a sound one is taken and the error is gone", async () => await ChampionAsync() == "b" && (await world.ReportAsync())!.Error is null);
    }

    [Fact]
    public async Task A_folder_that_was_replaced_by_another_checkpoint_is_refused()
    {
        await world.DeployAsync(world.A);
        await UntilAsync("a is the champion", async () => await ChampionAsync() == "a");
        var swapped = await world.RegisterAsync("swapped", seed: 4);
        Directory.Delete(Path.Combine(world.Checkpoints, "swapped"), recursive: true);
        BabblingCheckpoint.Make(world.Checkpoints, "swapped", seed: 5); // sound in itself, but not what was registered

        await world.DeployAsync(swapped);
        await UntilAsync("the reason is reported", async () => (await world.ReportAsync())?.Error?.Contains("registered", StringComparison.Ordinal) == true);
        Assert.Equal("a", await ChampionAsync());
        await world.DeployAsync(world.A);
    }

    [Fact]
    public async Task The_server_goes_on_while_the_database_is_away_and_follows_it_again_afterwards()
    {
        await world.DeployAsync(world.A);
        await UntilAsync("a is the champion", async () => await ChampionAsync() == "a");
        world.Line.Cut();
        await Task.Delay(500, Test);
        Assert.Equal("a", (await world.Client.AskAsync(Question("champion")))["model"]!.GetValue<string>());

        await world.DeployAsync(world.B); // by somebody who still reaches the database
        Assert.Equal("a", await ChampionAsync());
        world.Line.Mend();
        await UntilAsync("b is the champion", async () => await ChampionAsync() == "b");
    }

    [Fact]
    public async Task The_challenger_is_served_beside_the_champion_and_both_are_reported()
    {
        await world.DeployAsync(world.A);
        await world.DeployAsync(world.B, Deployment.Challenger);
        await UntilAsync("both are loaded", async () => JsonNode.Parse((await world.ReportAsync())!.Loaded)!.AsArray() is [{ } champion, { } challenger]
            && champion["checkpoint"]!.GetValue<string>() == "a" && challenger["checkpoint"]!.GetValue<string>() == "b");

        Assert.Equal("b", (await world.Client.AskAsync(Question("challenger")))["model"]!.GetValue<string>());
        Assert.Equal("a", (await world.Client.AskAsync(Question("champion")))["model"]!.GetValue<string>());
    }

    private static JsonObject Question(string model)
    {
        var question = Asking("who directed the film", maxTokens: 12);
        question["model"] = model;
        return question;
    }

    private async Task<string> ChampionAsync() => (await world.Client.GetAsync("/readyz"))!["checkpoint"]!.GetValue<string>();

    private async Task<List<(string Checkpoint, string Text)>> AskUntilAsync(bool streamed, CancellationToken enough)
    {
        List<(string, string)> replies = [];
        while (!enough.IsCancellationRequested)
        {
            if (!streamed)
            {
                var reply = await world.Client.AskAsync(Question("champion"));
                replies.Add((reply["model"]!.GetValue<string>(), Text(reply)));
                continue;
            }
            var chunks = (await world.Client.StreamAsync(Question("champion"), cancellation: Test))[..^1].Select(c => JsonNode.Parse(c)!).ToList();
            var named = Assert.Single(chunks.Select(c => c["model"]!.GetValue<string>()).Distinct());
            Assert.Equal(named, chunks[^1]["moss"]!["checkpoint"]!.GetValue<string>());
            replies.Add((named, string.Concat(chunks.Select(c => c["choices"]![0]!["delta"]!["content"]?.GetValue<string>()))));
        }
        return replies;
    }
}
