using System.Diagnostics;
using Moss.Model;
using Moss.Model.Learning;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Trainer.Bench;

/// <summary>One training step of a randomly filled network: forward, backward, clipping and AdamW, every position learned.</summary>
internal sealed class TrainBench(string shape, int batch, int tokens, int steps, ScalarType compute, int threads)
{
    private const int WarmUpSteps = 2;
    private readonly ModelConfig _config = Shapes.ByName[shape];

    /// <summary>Seconds of each part of one step.</summary>
    private readonly record struct Times(double Forward, double Head, double Backward, double Optimizer)
    {
        public double Step => Forward + Head + Backward + Optimizer;
    }

    public object Run(Action<string> say)
    {
        TorchRuntime.SetThreads(threads);
        var peakBefore = MatrixPeak.Measure(compute);
        say($"{shape}: {_config.ParameterCount:N0} parameters, {batch} x {tokens} tokens; {compute} matrix products reach {peakBefore / 1e9:F0} GFLOP/s");
        using var model = new Transformer(_config, CPU) { ComputeType = compute };
        RandomWeights.Fill(model, seed: 1);
        using var optimizer = new FusedAdamW(model, weightDecay: 0.1);
        var times = new List<Times>();
        for (var step = 0; step < WarmUpSteps + steps; step++)
        {
            var time = Step(model, optimizer, step);
            if (step >= WarmUpSteps) times.Add(time);
            say($"step {step + 1}: {time.Step:F3} s");
        }
        var peak = Math.Max(peakBefore, MatrixPeak.Measure(compute));
        var (best, median) = (times.Min(t => t.Step), Median(t => t.Step));
        return new
        {
            bench = "train",
            shape,
            parameters = _config.ParameterCount,
            batch,
            tokens,
            steps,
            compute = compute == ScalarType.BFloat16 ? "bf16" : "fp32",
            weights = "fp32",
            seconds_per_step = Math.Round(median, 4),
            seconds_best = Math.Round(best, 4),
            tokens_per_second = Math.Round(batch * tokens / median, 1),
            share_of_peak = Math.Round(Flops / median / peak, 4),
            share_of_peak_best = Math.Round(Flops / best / peak, 4),
            peak_gflops = Math.Round(peak / 1e9, 1),
            formula = "tokens/s x (6N + 12·layers·heads·head_dim·tokens) / peak of mm in the same run",
            forward = Math.Round(Median(t => t.Forward), 4),
            head_and_loss = Math.Round(Median(t => t.Head), 4),
            backward = Math.Round(Median(t => t.Backward), 4),
            clip_and_optimizer = Math.Round(Median(t => t.Optimizer), 4),
            threads,
            load_average = Conditions.LoadAverage(),
            peak_rss_bytes = Process.GetCurrentProcess().PeakWorkingSet64,
        };

        double Median(Func<Times, double> part) => times.Select(part).Order().ElementAt(times.Count / 2);
    }

    private double Flops => batch * tokens * (6.0 * _config.ParameterCount + 12.0 * _config.LayerCount * _config.HeadCount * _config.HeadDim * tokens);

    private Times Step(Transformer model, FusedAdamW optimizer, int step)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator((ulong)step);
        var ids = randint(_config.VocabSize, [batch * tokens], generator: random);
        var targets = randint(_config.VocabSize, [batch * tokens], generator: random);
        var weights = full([batch * tokens], -1.0 / (batch * tokens), float32);
        Segment[] segments = [.. Enumerable.Repeat(new Segment(tokens), batch)];

        var clock = Stopwatch.StartNew();
        optimizer.ZeroGradients();
        var zeroed = Lap(clock);
        using var pass = model.Learn(ids, segments);
        var forward = Lap(clock);
        var (_, gradients) = TokenLogProbs.WithGradient(model, pass.Hidden, targets, weights);
        var head = Lap(clock);
        pass.Backward(gradients);
        var backward = Lap(clock);
        optimizer.ClipGradients(1);
        optimizer.Step(1e-4);
        return new(forward, head, backward, zeroed + Lap(clock));
    }

    private static double Lap(Stopwatch clock)
    {
        var seconds = clock.Elapsed.TotalSeconds;
        clock.Restart();
        return seconds;
    }
}
