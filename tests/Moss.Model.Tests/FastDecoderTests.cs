using CsCheck;
using Moss.Model.Inference;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

public class FastDecoderTests
{
    [Theory, MemberData(nameof(GoldenTests.Families), MemberType = typeof(GoldenTests))]
    public void Token_by_token_it_gives_the_reference_s_logits(string family)
    {
        using var model = GoldenTests.Load(family);
        using var fast = new FastDecoder(model, WeightPrecision.Full, mostSequences: 1, threads: 2, ScalarType.Float32);
        foreach (var reference in Shared.Json($"golden/{family}/golden.json").GetProperty("cases").EnumerateArray())
        {
            using var cache = new KvCache(model.Config);
            var most = reference.GetProperty("argmax_per_position").Ints();
            foreach (var (place, id) in reference.GetProperty("input_ids").Ints().Index())
            {
                fast.Step([id], [cache]);
                Assert.Equal(most[place], Largest(fast.Logits(0)));
            }
            var ours = fast.Logits(0).ToArray();
            Assert.InRange(reference.GetProperty("logits_last").Doubles().Zip(ours, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-4);
        }
    }

    [Theory, MemberData(nameof(GoldenTests.Families), MemberType = typeof(GoldenTests))]
    public void It_goes_on_from_a_prompt_that_the_network_read(string family)
    {
        using var model = GoldenTests.Load(family);
        foreach (var type in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16])
        {
            model.ComputeType = type;
            using var fast = new FastDecoder(model, type == ScalarType.Float32 ? WeightPrecision.Full : WeightPrecision.Half, 1, threads: 1, type);
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            using var cache = new KvCache(model.Config);
            int[] ids = [.. Enumerable.Range(3, 30)];
            model.NextLogits(GoldenTests.Row(ids[..20]), cache);
            foreach (var id in ids[20..]) fast.Step([id], [cache]);
            model.ComputeType = ScalarType.Float32;
            var expected = model.NextLogits(GoldenTests.Row(ids)).data<float>().ToArray();
            var apart = expected.Zip(fast.Logits(0).ToArray(), (a, b) => Math.Abs(a - b)).Max();
            Assert.InRange(apart, 0, type == ScalarType.Float32 ? 1e-4 : 0.1 * expected.Max());
        }
    }

    [Theory]
    [InlineData(WeightPrecision.Full)]
    [InlineData(WeightPrecision.Half)]
    [InlineData(WeightPrecision.Quarter)]
    public void In_any_company_a_sequence_gets_the_same_bits_as_alone(WeightPrecision precision)
    {
        using var model = GoldenTests.Load("qwen3");
        using var fast = new FastDecoder(model, precision, mostSequences: 16, threads: 2, ScalarType.Float32);
        Gen.Int[0, model.Config.VocabSize - 1].Array[4, 20].List[2, 16].Sample(sequences =>
        {
            var alone = sequences.Select(ids => Alone(fast, model.Config, ids)).ToList();
            var caches = sequences.Select(_ => new KvCache(model.Config)).ToList();
            for (var place = 0; place < sequences.Max(s => s.Length); place++)
            {
                int[] reading = [.. Enumerable.Range(0, sequences.Count).Where(i => place < sequences[i].Length)];
                fast.Step([.. reading.Select(i => sequences[i][place])], [.. reading.Select(i => caches[i])]);
                foreach (var (row, i) in reading.Index())
                    if (place == sequences[i].Length - 1) Assert.Equal(alone[i], fast.Logits(row).ToArray());
            }
            caches.ForEach(c => c.Dispose());
        }, iter: 10, threads: 1);
    }

    [Fact]
    public void A_step_allocates_next_to_nothing()
    {
        using var model = GoldenTests.Load("qwen3");
        using var fast = new FastDecoder(model, WeightPrecision.Full, 1, threads: 1, ScalarType.Float32);
        using var cache = new KvCache(model.Config);
        int[] id = [5];
        KvCache[] caches = [cache];
        for (var i = 0; i < 20; i++) fast.Step(id, caches);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 50; i++) fast.Step(id, caches);
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 50, 0, 2_000);
    }

    private static int Largest(Span<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best]) best = i;
        return best;
    }

    private static float[] Alone(FastDecoder fast, ModelConfig config, int[] ids)
    {
        using var cache = new KvCache(config);
        foreach (var id in ids) fast.Step([id], [cache]);
        return fast.Logits(0).ToArray();
    }
}
