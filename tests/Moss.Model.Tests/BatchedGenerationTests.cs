using CsCheck;
using Moss.Model.Generation;
using Moss.Model.Inference;

namespace Moss.Model.Tests;

public class BatchedGenerationTests
{
    private static readonly HashSet<int> Stops = [0];

    [Fact]
    public void Whatever_else_is_in_the_making_a_reply_is_the_one_it_is_alone()
    {
        using var model = GoldenTests.Load("qwen3");
        using var decoder = StepDecoder.For(model, WeightPrecision.Full, mostSequences: 4, threads: 2);
        var request = Gen.Select(Gen.Int[1, model.Config.VocabSize - 1].Array[1, 40], Gen.Long[0, 99], Gen.Bool, Gen.Int[0, 9]);
        request.List[2, 6].Sample(requests =>
        {
            var alone = requests.Select(r => Together(decoder, model, [r]).Single()).ToList();
            Assert.Equal(alone, Together(decoder, model, requests));
        }, iter: 12, threads: 1);
    }

    [Fact]
    public void The_next_turn_reads_only_what_is_new_and_says_the_same()
    {
        var config = GoldenTests.Load("qwen3").Config with { ContextLength = 1_024 };
        using var model = new Transformer(config);
        Learning.RandomWeights.Fill(model, seed: 3, embeddingDeviation: 0.5);
        using var prefixes = new PrefixCache(mostTokens: 10_000);
        int[] first = [.. Enumerable.Range(0, 300).Select(i => 1 + i * 7 % 180)], second = [.. first, 5, 9, 77];
        var fresh = Reply(model, second, null);

        using (var one = Begin(model, first, null))
        {
            while (one.Step(out _)) { }
            var (prompt, cache) = one.TakeCache();
            prefixes.Keep(prompt, cache);
        }
        var begun = prefixes.Take(second);
        Assert.Equal(256, begun!.Length); // two whole pieces of 128
        Assert.Equal(fresh, Reply(model, second, begun));
        Assert.Null(prefixes.Take(second)); // a find is taken out
        Assert.Equal((1, 2), prefixes.Count);
    }

    [Fact]
    public void Kept_prompts_never_hold_more_memory_than_allowed()
    {
        using var model = GoldenTests.Load("qwen3");
        var config = model.Config with { ContextLength = 4_096 };
        using var prefixes = new PrefixCache(mostTokens: 600);
        for (var i = 0; i < 10; i++)
        {
            var cache = new KvCache(config, room: 256);
            cache.Reserve(256, TorchSharp.torch.ScalarType.Float32);
            cache.Advance(200);
            prefixes.Keep([.. Enumerable.Repeat(i + 1, 200)], cache);
            Assert.InRange(prefixes.Tokens, 1, 600);
        }
        Assert.NotNull(prefixes.Take([.. Enumerable.Repeat(10, 300)]));
        Assert.Null(prefixes.Take([.. Enumerable.Repeat(1, 300)])); // the longest unused went first
    }

    /// <summary>As the server does it: some begin late, a piece of one prompt and then a token of each, in batches.</summary>
    private static List<string> Together(StepDecoder decoder, Transformer model, List<(int[] Prompt, long Seed, bool Greedy, int Late)> requests)
    {
        var replies = requests.Select(r => Begin(model, r.Prompt, null, r.Greedy ? SamplingOptions.Greedy : new() { Seed = r.Seed, Temperature = 1.3 })).ToList();
        for (var turn = 0; replies.Any(r => r.StopReason is null); turn++)
        {
            var there = replies.Where((r, i) => r.StopReason is null && turn >= requests[i].Late).ToList();
            there.FirstOrDefault(r => r.IsReading)?.Read(out _);
            foreach (var batch in there.Where(r => !r.IsReading && r.StopReason is null).Chunk(decoder.MostSequences))
            {
                decoder.Step([.. batch.Select(r => r.Newest)], [.. batch.Select(r => r.Cache)]);
                for (var i = 0; i < batch.Length; i++) batch[i].Continue(decoder.Logits(i), out _);
            }
        }
        var said = replies.Select(r => string.Join(' ', r.Ids)).ToList();
        replies.ForEach(r => r.Dispose());
        return said;
    }

    private static string Reply(Transformer model, int[] prompt, KvCache? begun)
    {
        using var reply = Begin(model, prompt, begun);
        while (reply.Step(out _)) { }
        return string.Join(' ', reply.Ids);
    }

    private static Generation.Generation Begin(Transformer model, int[] prompt, KvCache? begun, SamplingOptions? how = null) =>
        new(model, prompt, (how ?? SamplingOptions.Greedy) with { MaxNewTokens = 12 }, Stops, model.Config.VocabSize, tokenizer: null, begun);
}
