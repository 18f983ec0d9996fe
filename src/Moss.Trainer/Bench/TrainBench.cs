using System.Diagnostics;
using System.Reflection;
using Moss.Model;
using Moss.Model.Adapters;
using Moss.Model.Learning;
using Moss.Trainer.Training.Watching;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Trainer.Bench;

/// <summary>What to measure: one training step of a network of this shape.</summary>
/// <param name="Lora">Only an adapter is trained, over a base frozen in the compute type.</param>
internal sealed record TrainBenchPlan(string Shape, int Batch, int Tokens, int Steps, ScalarType Compute, bool Lora, bool Checkpointing, int Threads);

/// <summary>One training step of a randomly filled network: forward, backward, clipping and AdamW, every position learned.</summary>
/// <remarks>
/// Beside other busy processes the time on the clock says little, so the processor time of this process is measured too, as is the peak, which is
/// sampled before, between and after the steps.
/// </remarks>
internal sealed class TrainBench(TrainBenchPlan plan)
{
    private const int WarmUpSteps = 2, MostPeakSamples = 20;
    private readonly ModelConfig _config = Shapes.ByName[plan.Shape];
    private readonly MatrixPeak _peak = new(plan.Compute);

    public object Run(Action<string> say)
    {
        TorchRuntime.SetThreads(plan.Threads);
        _peak.Sample();
        say($"{plan.Shape}: {_config.ParameterCount:N0} parameters, {plan.Batch} x {plan.Tokens} tokens; {plan.Compute} products reach {_peak.PerSecond / 1e9:F0} GFLOP/s");
        using var model = new Transformer(_config, CPU, plan.Lora ? plan.Compute : ScalarType.Float32) { ComputeType = plan.Compute, Checkpointing = plan.Checkpointing };
        RandomWeights.Fill(model, seed: 1);
        using var adapter = plan.Lora ? LoraAdapter.Create(model, new LoraSettings(), seed: 1) : null;
        foreach (var parameter in model.parameters()) parameter.requires_grad = adapter is null;
        adapter?.Attach(model);
        using var optimizer = adapter is null ? new FusedAdamW(model, weightDecay: 0.1) : new FusedAdamW(adapter.Parameters, weightDecay: 0.1);

        var (times, resident, live) = (new List<StepTimes>(), new List<long>(), new List<long>());
        for (var step = 0; step < WarmUpSteps + plan.Steps; step++)
        {
            var time = Step(model, optimizer, step);
            if (step % Math.Max(1, plan.Steps / MostPeakSamples) == 0) _peak.Sample();
            using var process = Process.GetCurrentProcess();
            resident.Add(process.WorkingSet64);
            if (step >= WarmUpSteps) times.Add(time);
            live.Add(DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
            say($"step {step + 1}: {time.Step:F3} s, {time.Processor:F3} s of processors");
        }
        return Figures(times, resident, live, adapter);
    }

    private object Figures(List<StepTimes> times, List<long> resident, List<long> live, LoraAdapter? adapter)
    {
        var (best, median, processor) = (times.Min(t => t.Step), Median(t => t.Step), times.Min(t => t.Processor));
        using var process = Process.GetCurrentProcess();
        return new
        {
            bench = "train",
            shape = plan.Shape,
            parameters = _config.ParameterCount,
            trained = adapter?.ParameterCount ?? _config.ParameterCount,
            batch = plan.Batch,
            tokens = plan.Tokens,
            steps = plan.Steps,
            compute = Name(plan.Compute),
            weights = plan.Lora ? $"{Name(plan.Compute)} frozen, fp32 adapter" : "fp32",
            checkpointing = plan.Checkpointing,
            seconds_per_step = Math.Round(median, 4),
            seconds_best = Math.Round(best, 4),
            tokens_per_second = Math.Round(plan.Batch * plan.Tokens / median, 1),
            share_of_peak = Math.Round(Flops / median / _peak.PerSecond, 4),
            share_of_peak_best = Math.Round(Flops / best / _peak.PerSecond, 4),
            peak_gflops = Math.Round(_peak.PerSecond / 1e9, 1),
            processor_seconds_best = Math.Round(processor, 4),
            share_of_peak_by_processor_time = Math.Round(Flops / processor / _peak.PerProcessorSecond, 4),
            formula = $"tokens/s x ({(plan.Lora ? 4 : 6)}N + 12·layers·heads·head_dim·tokens) / best mm of 1024 to 4096 in the same run",
            forward = Math.Round(Median(t => t.Forward), 4),
            head_and_loss = Math.Round(Median(t => t.Head), 4),
            backward = Math.Round(Median(t => t.Backward), 4),
            clip_and_optimizer = Math.Round(Median(t => t.Optimizer), 4),
            clip_and_optimizer_best = Math.Round(times.Min(t => t.Optimizer), 4),
            threads = plan.Threads,
            cores = Environment.ProcessorCount,
            load_average = Conditions.LoadAverage(),
            peak_rss_bytes = process.PeakWorkingSet64,
            rss_bytes_after_warm_up = resident[WarmUpSteps],
            rss_bytes_halfway = resident[resident.Count / 2],
            rss_bytes_at_end = resident[^1],
            live_tensors_after_warm_up = live[WarmUpSteps],
            live_tensors_at_end = live[^1],
            moss = typeof(TrainBench).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion,
        };

        double Median(Func<StepTimes, double> part) => times.Select(part).Order().ElementAt(times.Count / 2);
    }

    private double Flops => plan.Batch * plan.Tokens * StepWatch.FlopsPerToken(_config, frozen: plan.Lora, plan.Tokens);

    private StepTimes Step(Transformer model, FusedAdamW optimizer, int step)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator((ulong)step);
        long count = plan.Batch * plan.Tokens;
        var (ids, targets) = (randint(_config.VocabSize, [count], generator: random), randint(_config.VocabSize, [count], generator: random));
        var weights = full([count], -1.0 / count, float32);
        Segment[] segments = [.. Enumerable.Repeat(new Segment(plan.Tokens), plan.Batch)];

        var (clock, processor) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        optimizer.ZeroGradients();
        using var pass = model.Learn(ids, segments);
        var forward = Lap(clock);
        var (_, gradients) = TokenLogProbs.WithGradient(model, pass.Hidden, targets, weights);
        var head = Lap(clock);
        pass.Backward(gradients);
        var backward = Lap(clock);
        optimizer.ClipGradients(1);
        optimizer.Step(1e-4);
        var update = Lap(clock);
        return new(forward, head, backward, update, (Environment.CpuUsage.TotalTime - processor).TotalSeconds);
    }

    private static double Lap(Stopwatch clock)
    {
        var seconds = clock.Elapsed.TotalSeconds;
        clock.Restart();
        return seconds;
    }

    private static string Name(ScalarType type) => type == ScalarType.BFloat16 ? "bf16" : "fp32";

    /// <summary>Seconds of each part of one step, and of all processors together.</summary>
    private readonly record struct StepTimes(double Forward, double Head, double Backward, double Optimizer, double Processor)
    {
        public double Step => Forward + Head + Backward + Optimizer;
    }
}
