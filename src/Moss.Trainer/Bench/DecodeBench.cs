using System.Diagnostics;
using System.Numerics;
using Moss.Model;
using Moss.Model.Inference;
using Moss.Model.Learning;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Trainer.Bench;

/// <summary>How fast a randomly filled network reads prompts and goes on with them, batch by batch, sampling left out.</summary>
internal sealed class DecodeBench(string shape, WeightPrecision precision, IReadOnlyList<int> batches, int tokens, int threads)
{
    private const int PromptTokens = 512, Repeats = 3;

    public IEnumerable<object> Run()
    {
        TorchRuntime.SetThreads(threads);
        var config = Shapes.ByName[shape];
        using var network = new Transformer(config, type: ScalarType.BFloat16);
        RandomWeights.Fill(network, seed: 1);
        using var fast = new FastDecoder(network, precision, batches.Max(), threads, ScalarType.BFloat16);
        var limit = ReadBandwidth();
        yield return new { bench = "prompt", shape, threads, prompt_tokens = PromptTokens, prompt_tokens_per_second = Math.Round(Prompt(network), 0), precision = "bf16", load_average = Conditions.LoadAverage() };
        foreach (var batch in batches)
        {
            var before = Process.GetCurrentProcess().TotalProcessorTime;
            var perSecond = Enumerable.Range(0, Repeats).Select(_ => Decode(fast, config, batch)).Order().ToList();
            var computed = (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
            yield return new
            {
                bench = "generate",
                shape,
                parameters = config.ParameterCount,
                precision = precision.ToString().ToLowerInvariant(),
                threads,
                batch,
                tokens,
                tokens_per_second = Math.Round(perSecond[Repeats / 2], 1),
                best_tokens_per_second = Math.Round(perSecond[^1], 1),
                tokens_per_processor_second = Math.Round(Repeats * (tokens + 1) * batch / computed, 1), // tells the program from a busy machine
                weight_bytes = fast.WeightBytes,
                read_bandwidth_bytes_per_second = Math.Round(limit),
                share_of_bandwidth = Math.Round(perSecond[^1] / batch * fast.WeightBytes / limit, 3),
                peak_rss_bytes = Process.GetCurrentProcess().PeakWorkingSet64,
                load_average = Conditions.LoadAverage(),
            };
        }
    }

    private double Decode(FastDecoder fast, ModelConfig config, int batch)
    {
        List<KvCache> caches = [.. Enumerable.Range(0, batch).Select(_ => new KvCache(config))];
        KvCache[] all = [.. caches];
        var ids = new int[batch];
        fast.Step(ids, all); // the caches' first memory
        var started = Stopwatch.GetTimestamp();
        for (var t = 0; t < tokens; t++)
        {
            for (var i = 0; i < batch; i++) ids[i] = (i * 7_919 + t * 104_729) % config.VocabSize;
            fast.Step(ids, all);
        }
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        caches.ForEach(c => c.Dispose());
        return batch * tokens / seconds;
    }

    private static double Prompt(Transformer network)
    {
        var best = 0.0;
        for (var i = 0; i < Repeats; i++)
        {
            using var mode = no_grad();
            using var scope = NewDisposeScope();
            using var cache = new KvCache(network.Config);
            var ids = randint(0, network.Config.VocabSize, [1, PromptTokens], int64);
            var started = Stopwatch.GetTimestamp();
            network.NextLogits(ids, cache);
            best = Math.Max(best, PromptTokens / Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
        return best;
    }

    /// <summary>What memory gives when all threads read one after the other: no step can be faster than its weights arrive.</summary>
    /// <returns>Bytes per second, the best of several runs.</returns>
    private double ReadBandwidth()
    {
        var part = new float[threads][];
        for (var i = 0; i < threads; i++) part[i] = GC.AllocateUninitializedArray<float>(64 << 20); // 256 MB each: far beyond any cache
        var best = 0.0;
        for (var run = 0; run < Repeats; run++)
        {
            var started = Stopwatch.GetTimestamp();
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
            {
                var (numbers, sums) = (part[i], Vector<float>.Zero);
                for (var at = 0; at + Vector<float>.Count <= numbers.Length; at += Vector<float>.Count) sums += new Vector<float>(numbers, at);
                if (Vector.Sum(sums) == 1) throw new InvalidOperationException("Nothing was read."); // keeps the loop
            });
            best = Math.Max(best, threads * 4.0 * part[0].Length / Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
        return best;
    }
}
