using Moss.Data.Training;
using Moss.Model.Adapters;
using Moss.Model.Learning;
using TorchSharp;

namespace Moss.Trainer.Training;

/// <summary>From what people set to what the loop takes.</summary>
internal static class TuningMath
{
    private const long ShortNumbersFrom = 30_000_000; // parameters: below, float32 is as quick on a CPU and exact to compare

    public static Objective Objective(TuningSettings settings) => settings switch
    {
        DpoSettings dpo => new Dpo(dpo.Beta, dpo.LabelSmoothing, dpo.NllWeight),
        KtoSettings kto => new Kto(kto.Beta),
        RewardSettings reward => new Reward(reward.Centering),
        _ => new CrossEntropy(),
    };

    /// <summary>PEFT's and Thinking Machines' habit: alpha twice the rank, on every matrix of the layers.</summary>
    public static LoraSettings Lora(int rank) => new() { Rank = rank, Alpha = 2 * rank };

    /// <summary>Number format of matrix products: bfloat16 from 30 million parameters up and on GPUs, float32 below.</summary>
    public static torch.ScalarType ComputeType(long parameters, torch.Device device) =>
        parameters >= ShortNumbersFrom || device.type == DeviceType.CUDA ? torch.ScalarType.BFloat16 : torch.ScalarType.Float32;

    /// <param name="halvings">How often half as many tokens per forward pass were asked for because memory ran out.</param>
    public static TrainingSettings Settings(RunPlan plan, IReadOnlyList<Lesson> train, long parameters, int halvings)
    {
        var s = plan.Settings;
        var (batch, longest) = (Math.Min(s.BatchSize, train.Count), train.Max(l => l.Documents.Sum(d => d.Tokens.Length)));
        return new TrainingSettings
        {
            Steps = s.WantedSteps() ?? (int)Math.Clamp(Math.Ceiling(s.Epochs * train.Count / batch), 1, s.MaxSteps),
            PeakLearningRate = s.PeakLearningRate ?? AutomaticLearningRate.For(plan.Run.Recipe, s.LoraRank > 0, parameters),
            WarmupFraction = s.WarmupShare(), BatchSize = batch,
            MicroBatchTokens = Math.Max(longest, s.ExamplesPerPass() * longest >> halvings),
            MaxTokens = s.MaxTokens, WeightDecay = s.Decay(), ClipNorm = s.ClipNorm, Seed = plan.Run.Seed,
        };
    }

    public static Dictionary<string, double> Metrics(TrainingStep step)
    {
        var numbers = new Dictionary<string, double>
        {
            [TrainingMetric.Loss] = step.Loss, [TrainingMetric.LearningRate] = step.LearningRate, [TrainingMetric.GradientNorm] = step.GradientNorm,
            [TrainingMetric.TokensPerSecond] = step.TokensPerSecond,
            [TrainingMetric.LearnedTokensPerSecond] = step.LearnedTokens / Math.Max(step.Time.TotalSeconds, 1e-9),
        };
        if (step.Margin is { } margin) numbers[TrainingMetric.Margin] = margin;
        if (step.Accuracy is { } accuracy) numbers[TrainingMetric.Accuracy] = accuracy;
        return numbers;
    }
}
