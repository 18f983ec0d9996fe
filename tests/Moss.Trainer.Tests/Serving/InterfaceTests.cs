using System.Text.Json;
using System.Text.Json.Nodes;
using static Moss.Trainer.Tests.Serving.ServeClient;

namespace Moss.Trainer.Tests.Serving;

/// <summary>The parts of the OpenAI interface beyond a plain chat.</summary>
public sealed class InterfaceTests(ServeWorld world) : IClassFixture<ServeWorld>
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private ServeClient Client => world.Client;

    private static JsonObject Drawing(string text, long seed, int maxTokens = 24)
    {
        var body = Asking(text, maxTokens, temperature: 1.5);
        (body["seed"], body["top_p"]) = (seed, 1.0);
        return body;
    }

    [Fact]
    public async Task Of_several_replies_each_is_the_one_that_its_own_seed_gives_alone()
    {
        var body = Drawing("who directed", seed: 40);
        body["n"] = 3;
        var many = await Client.AskAsync(body);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(i, many["choices"]![i]!["index"]!.GetValue<int>());
            var alone = await Client.AskAsync(Drawing("who directed", seed: 40 + i));
            Assert.Equal(Text(alone), many["choices"]![i]!["message"]!["content"]!.GetValue<string>());
        }
        var one = await Client.AskAsync(Drawing("who directed", seed: 40));
        Assert.Equal(one["usage"]!["prompt_tokens"]!.GetValue<int>(), many["usage"]!["prompt_tokens"]!.GetValue<int>());
        Assert.True(many["usage"]!["completion_tokens"]!.GetValue<int>() > one["usage"]!["completion_tokens"]!.GetValue<int>());
    }

    [Fact]
    public async Task Several_replies_stream_side_by_side_and_each_ends_for_itself()
    {
        var body = Drawing("who directed", seed: 40);
        (body["n"], body["stream_options"]) = (3, new JsonObject { ["include_usage"] = true });
        var chunks = (await Client.StreamAsync((JsonObject)body.DeepClone(), cancellation: Test))[..^1].Select(c => JsonNode.Parse(c)!).ToList();
        body.Remove("stream_options");
        var whole = await Client.AskAsync(body);
        for (var i = 0; i < 3; i++)
        {
            var choices = chunks.SelectMany(c => c["choices"]!.AsArray()).Where(c => c!["index"]!.GetValue<int>() == i).ToList();
            Assert.Equal(whole["choices"]![i]!["message"]!["content"]!.GetValue<string>(), string.Concat(choices.Select(c => c!["delta"]!["content"]?.GetValue<string>())));
            Assert.Single(choices, c => c!["finish_reason"] is not null);
        }
        Assert.Single(chunks, c => c["moss"] is not null);
        Assert.Equal(whole["usage"]!.ToJsonString(), chunks[^1]["usage"]!.ToJsonString());
    }

    [Fact]
    public async Task Log_probabilities_are_told_for_each_token_and_add_up_to_the_note()
    {
        var body = Asking("who directed");
        (body["logprobs"], body["top_logprobs"]) = (true, 3);
        var reply = await Client.AskAsync(body);
        var tokens = reply["choices"]![0]!["logprobs"]!["content"]!.AsArray();
        Assert.All(tokens, t =>
        {
            var likeliest = t!["top_logprobs"]!.AsArray();
            Assert.Equal(3, likeliest.Count);
            Assert.Equal(t["token"]!.GetValue<string>(), likeliest[0]!["token"]!.GetValue<string>()); // greedy
            Assert.Equal(t["logprob"]!.GetValue<double>(), likeliest[0]!["logprob"]!.GetValue<double>());
        });
        var bytes = tokens.SelectMany(t => t!["bytes"]!.AsArray()).Select(b => (byte)b!.GetValue<int>()).ToArray();
        Assert.Equal(Text(reply), System.Text.Encoding.UTF8.GetString(bytes));
        if (reply["choices"]![0]!["finish_reason"]!.GetValue<string>() == "length")
            Assert.Equal(reply["moss"]!["sum_log_prob"]!.GetValue<double>(), tokens.Sum(t => t!["logprob"]!.GetValue<double>()), 5);

        var streamed = (await Client.StreamAsync((JsonObject)body.DeepClone(), cancellation: Test))[..^1].Select(c => JsonNode.Parse(c)!)
            .SelectMany(c => c["choices"]![0]!["logprobs"]?["content"]?.AsArray().ToArray() ?? []).ToList();
        Assert.Equal(tokens.ToJsonString(), new JsonArray([.. streamed.Select(t => t!.DeepClone())]).ToJsonString());
    }

    [Fact]
    public async Task A_text_goes_on_the_same_whether_it_is_given_as_text_or_as_tokens()
    {
        var tokens = (await Client.AskAsync(new JsonObject { ["prompt"] = "who directed" }, "/tokenize"))["tokens"]!;
        var body = GoingOn("who directed");
        body["logprobs"] = 2;
        var byText = await Client.AskAsync(body, Completions);
        var byTokens = await Client.AskAsync(GoingOn(tokens.DeepClone()), Completions);
        var both = await Client.AskAsync(GoingOn(new JsonArray("the film", "who directed")), Completions);

        var choice = byText["choices"]![0]!;
        Assert.Equal("text_completion", byText["object"]!.GetValue<string>());
        Assert.Equal(choice["text"]!.GetValue<string>(), byTokens["choices"]![0]!["text"]!.GetValue<string>());
        Assert.Equal(choice["text"]!.GetValue<string>(), both["choices"]![1]!["text"]!.GetValue<string>());
        Assert.Equal(tokens.AsArray().Count, byText["usage"]!["prompt_tokens"]!.GetValue<int>());
        var told = choice["logprobs"]!;
        Assert.Equal(told["tokens"]!.AsArray().Count, told["token_logprobs"]!.AsArray().Count);
        Assert.Equal(0, told["text_offset"]![0]!.GetValue<int>());

        var streamed = (await Client.StreamAsync(GoingOn("who directed"), Completions, null, null, Test))[..^1].Select(c => JsonNode.Parse(c)!);
        Assert.Equal(choice["text"]!.GetValue<string>(), string.Concat(streamed.Select(c => c["choices"]![0]!["text"]!.GetValue<string>())));
    }

    [Fact]
    public async Task A_bias_bans_a_token_and_penalties_below_zero_make_a_reply_repeat_itself()
    {
        var body = GoingOn("who", maxTokens: 40);
        body["logprobs"] = 1;
        var plain = (await Client.AskAsync(body, Completions))["choices"]![0]!["logprobs"]!["tokens"]!.AsArray().Select(t => t!.GetValue<string>()).ToList();
        var first = (await Client.AskAsync(new JsonObject { ["prompt"] = plain[0] }, "/tokenize"))["tokens"]!.AsArray();
        if (first.Count == 1)
        {
            body["logit_bias"] = new JsonObject { [first[0]!.ToJsonString()] = -100 };
            var banned = (await Client.AskAsync(body, Completions))["choices"]![0]!["logprobs"]!["tokens"]!.AsArray();
            Assert.DoesNotContain(banned, t => t!.GetValue<string>() == plain[0]);
            body.Remove("logit_bias");
        }
        (body["frequency_penalty"], body["presence_penalty"]) = (-2, -2); // said once, likelier each time: it ends by saying one thing
        var stuck = (await Client.AskAsync(body, Completions))["choices"]![0]!["logprobs"]!["tokens"]!.AsArray().Select(t => t!.GetValue<string>()).ToList();
        Assert.True(stuck.GroupBy(t => t).Max(g => g.Count()) > plain.GroupBy(t => t).Max(g => g.Count()));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(1.0)]
    public async Task Asked_for_JSON_even_a_babbling_model_says_one_object_or_its_beginning(double temperature)
    {
        var whole = 0;
        for (var seed = 0; seed < 12; seed++)
        {
            var body = Asking("who directed the film", maxTokens: 120, temperature);
            (body["seed"], body["response_format"]) = (seed, new JsonObject { ["type"] = "json_object" });
            // Closing is made likelier, so that babbling comes to an end.
            body["logit_bias"] = new JsonObject();
            foreach (var closing in (string[])["}", "\"", "]"])
                body["logit_bias"]![(await Client.AskAsync(new JsonObject { ["prompt"] = closing }, "/tokenize"))["tokens"]![0]!.ToJsonString()] = 3 + seed;
            var reply = await Client.AskAsync(body);
            Assert.StartsWith("{", Text(reply).TrimStart());
            if (reply["choices"]![0]!["finish_reason"]!.GetValue<string>() != "stop") continue;
            whole++;
            using var parsed = JsonDocument.Parse(Text(reply));
            Assert.Equal(JsonValueKind.Object, parsed.RootElement.ValueKind);
        }
        Assert.True(whole > 0);
    }

    [Fact]
    public async Task A_prompt_that_was_read_before_is_counted_as_cached_and_answered_alike()
    {
        var prompt = string.Concat(Enumerable.Range(0, 60).Select(i => $"{i} "));
        var first = await Client.AskAsync(GoingOn(prompt), Completions);
        var again = await Client.AskAsync(GoingOn(prompt), Completions);
        Assert.True(first["usage"]!["prompt_tokens"]!.GetValue<int>() > 128, first["usage"]!.ToJsonString());
        Assert.Equal(128, again["usage"]!["prompt_tokens_details"]!["cached_tokens"]!.GetValue<int>());
        Assert.Equal(first["choices"]![0]!["text"]!.GetValue<string>(), again["choices"]![0]!["text"]!.GetValue<string>());
    }

    [Fact]
    public async Task Tokens_of_a_conversation_are_those_that_its_reply_counts()
    {
        var messages = Asking("who directed the film")["messages"]!;
        var tokens = await Client.AskAsync(new JsonObject { ["messages"] = messages.DeepClone() }, "/tokenize");
        var reply = await Client.AskAsync(Asking("who directed the film"));
        Assert.Equal(reply["usage"]!["prompt_tokens"]!.GetValue<int>(), tokens["count"]!.GetValue<int>());
        Assert.Equal(tokens["count"]!.GetValue<int>(), tokens["tokens"]!.AsArray().Count);
        Assert.Equal(BabblingCheckpoint.Context, tokens["max_model_len"]!.GetValue<int>());
        using var both = await Client.PostAsync(new JsonObject { ["messages"] = messages.DeepClone(), ["prompt"] = "x" }, "/tokenize", Test);
        Assert.Equal(400, (int)both.StatusCode);
    }
}
