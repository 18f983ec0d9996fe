using System.Text.Json.Nodes;
using Moss.Model.Checkpoints;
using Moss.Model.Generation;
using Moss.Model.Text;
using TorchSharp;
using static Moss.Trainer.Tests.Serving.ServeClient;

namespace Moss.Trainer.Tests.Serving;

public sealed class ChatTests(ServeWorld world) : IClassFixture<ServeWorld>
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private ServeClient Client => world.Client;

    [Fact]
    public async Task A_reply_names_its_checkpoint_and_carries_everything_that_is_needed_to_make_it_again()
    {
        var reply = await Client.AskAsync(Asking("who directed the film"));

        Assert.Equal("chat.completion", reply["object"]!.GetValue<string>());
        Assert.Equal("a", reply["model"]!.GetValue<string>());
        Assert.Equal("assistant", reply["choices"]![0]!["message"]!["role"]!.GetValue<string>());
        var (usage, moss) = (reply["usage"]!, reply["moss"]!);
        Assert.Equal(usage["total_tokens"]!.GetValue<int>(), usage["prompt_tokens"]!.GetValue<int>() + usage["completion_tokens"]!.GetValue<int>());
        Assert.Equal(world.A.Id.ToString(), moss["checkpoint_id"]!.GetValue<string>());
        Assert.Equal(world.A.ManifestSha256, moss["manifest_sha256"]!.GetValue<string>());
        Assert.Equal(64, moss["template_sha256"]!.GetValue<string>().Length);
        Assert.Equal(usage["completion_tokens"]!.GetValue<int>(), moss["completion_tokens"]!.GetValue<int>());
        Assert.True(moss["sum_log_prob"]!.GetValue<double>() < 0);
        Assert.InRange(moss["first_token_ms"]!.GetValue<double>(), 0.001, moss["total_ms"]!.GetValue<double>());
        Assert.Equal(0, moss["dropped_turns"]!.GetValue<int>());
    }

    [Fact]
    public async Task What_is_served_is_what_the_checkpoint_says_by_itself()
    {
        using var own = LoadedCheckpoint.Load(Path.Combine(world.Checkpoints, "a"), torch.CPU);
        var alone = Generation.Complete(own, [new ChatTurn(ChatTurn.User, "谁导演了 the film")], SamplingOptions.Greedy with { MaxNewTokens = 20 });

        Assert.Equal(alone, Text(await Client.AskAsync(Asking("谁导演了 the film", maxTokens: 20))));
    }

    [Fact]
    public async Task A_stream_says_the_same_as_the_whole_reply_and_ends_with_the_note_of_MOSS()
    {
        var whole = await Client.AskAsync(Asking("who directed"));
        var chunks = await Client.StreamAsync(Asking("who directed"), cancellation: Test);

        Assert.Equal("[DONE]", chunks[^1]);
        var parsed = chunks[..^1].Select(c => JsonNode.Parse(c)!).ToList();
        Assert.All(parsed, c => Assert.Equal(("chat.completion.chunk", "a"), (c["object"]!.GetValue<string>(), c["model"]!.GetValue<string>())));
        Assert.Equal("assistant", parsed[0]["choices"]![0]!["delta"]!["role"]!.GetValue<string>());
        Assert.Equal(Text(whole), string.Concat(parsed.Select(c => c["choices"]![0]!["delta"]!["content"]?.GetValue<string>())));
        Assert.Single(parsed, c => c["moss"] is not null);
        Assert.Equal(whole["choices"]![0]!["finish_reason"]!.GetValue<string>(), parsed[^1]["choices"]![0]!["finish_reason"]!.GetValue<string>());
        Assert.Equal(whole["moss"]!["sum_log_prob"]!.GetValue<double>(), parsed[^1]["moss"]!["sum_log_prob"]!.GetValue<double>(), 5);
        Assert.Null(parsed[^1]["usage"]);
    }

    [Fact]
    public async Task Usage_comes_in_the_last_chunk_when_it_is_asked_for()
    {
        var body = Asking("who");
        body["stream_options"] = new JsonObject { ["include_usage"] = true };
        var last = JsonNode.Parse((await Client.StreamAsync(body, cancellation: Test))[^2])!;

        Assert.Empty(last["choices"]!.AsArray());
        Assert.True(last["usage"]!["completion_tokens"]!.GetValue<int>() > 0);
        Assert.Equal("a", last["moss"]!["checkpoint"]!.GetValue<string>());
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_reply_whatever_else_is_generated()
    {
        JsonObject Seeded(long seed)
        {
            var body = Asking("who directed the film", maxTokens: 24, temperature: 1.5);
            (body["seed"], body["top_p"]) = (seed, 1.0);
            return body;
        }
        var alone = Text(await Client.AskAsync(Seeded(7)));
        var together = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => Client.AskAsync(Seeded(i % 3 == 0 ? 7 : i))));

        Assert.All(together.Where((_, i) => i % 3 == 0), reply => Assert.Equal(alone, Text(reply)));
        Assert.Contains(together, reply => Text(reply) != alone);
        Assert.Equal(7, together[0]["moss"]!["seed"]!.GetValue<long>());
    }

    [Fact]
    public async Task A_stop_string_ends_the_reply_and_is_never_shown()
    {
        var whole = Text(await Client.AskAsync(Asking("who directed", maxTokens: 40)));
        var stop = whole.Substring(whole.Length / 2, 2);
        var body = Asking("who directed", maxTokens: 40);
        body["stop"] = new JsonArray(stop, "\u0007never");
        var stopped = await Client.AskAsync(body);

        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], Text(stopped));
        Assert.Equal("stop_string", stopped["moss"]!["stop_reason"]!.GetValue<string>());
        Assert.Equal("stop", stopped["choices"]![0]!["finish_reason"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_conversation_too_long_for_the_context_loses_its_oldest_turns_and_says_how_many()
    {
        var body = Asking("who directed the film");
        var messages = body["messages"]!.AsArray();
        for (var i = 0; i < 30; i++)
        {
            messages.Insert(0, new JsonObject { ["role"] = "assistant", ["content"] = $"it was directed by number {i}" });
            messages.Insert(0, new JsonObject { ["role"] = "user", ["content"] = $"who directed film number {i}" });
        }
        var reply = await Client.AskAsync(body);

        Assert.InRange(reply["moss"]!["dropped_turns"]!.GetValue<int>(), 2, 60);
        Assert.InRange(reply["usage"]!["prompt_tokens"]!.GetValue<int>(), 1, BabblingCheckpoint.Context);
    }

    [Fact]
    public async Task Text_parts_and_a_system_message_are_read_like_plain_strings()
    {
        var parts = Asking("");
        parts["messages"] = JsonNode.Parse("""
            [{"role": "system", "content": "the film"},
             {"role": "user", "content": [{"type": "text", "text": "who "}, {"type": "text", "text": "directed"}]}]
            """);
        var plain = Asking("who directed");
        plain["messages"]!.AsArray().Insert(0, new JsonObject { ["role"] = "system", ["content"] = "the film" });

        Assert.Equal(Text(await Client.AskAsync(plain)), Text(await Client.AskAsync(parts)));
    }

    [Fact]
    public async Task A_client_that_goes_away_frees_its_place_at_once()
    {
        using var gone = new CancellationTokenSource();
        var endless = Asking("who", maxTokens: 200, temperature: 1);
        endless["stop"] = null;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Client.StreamAsync(endless, each: _ => gone.Cancel(), gone.Token));

        await UntilAsync("nothing is in progress", async () => (await Client.GetAsync("/healthz"))!["in_progress"]!.GetValue<int>() == 0);
        Assert.NotEmpty(Text(await Client.AskAsync(Asking("who directed"))));
    }

    [Fact]
    public async Task The_models_are_the_deployment_names_and_the_checkpoints_in_memory()
    {
        var models = (await Client.GetAsync("/v1/models"))!["data"]!.AsArray();
        Assert.Contains(models, m => m!["id"]!.GetValue<string>() == "champion" && m["checkpoint"]!.GetValue<string>() == "a");
        Assert.Contains(models, m => m!["id"]!.GetValue<string>() == "a");
        Assert.Equal("a", (await Client.GetAsync("/v1/models/champion"))!["checkpoint"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_checkpoint_that_is_not_deployed_answers_when_it_is_named()
    {
        var body = Asking("who directed");
        body["model"] = "b";
        Assert.Equal("b", (await Client.AskAsync(body))["model"]!.GetValue<string>());
        body["model"] = world.B.Id.ToString();
        Assert.Equal("b", (await Client.AskAsync(body))["model"]!.GetValue<string>());
        Assert.Equal("a", (await Client.AskAsync(Asking("who directed")))["model"]!.GetValue<string>());
    }
}
