namespace Moss.Model.Learning;

/// <summary>How a tuning run is done. Everything else is a constant with a source, or derived.</summary>
public sealed record TrainingSettings
{
    /// <summary>Passes over the examples; fractions allowed. Ignored when <see cref="Steps"/> is given.</summary>
    public double Epochs { get; init; } = 2;

    /// <summary>Optimizer steps in all; null to count from <see cref="Epochs"/>.</summary>
    public int? Steps { get; init; }

    /// <summary>Highest learning rate, reached at the end of warm-up. 1e-5 suits billions of parameters, 1e-3 the starter model.</summary>
    public double PeakLearningRate { get; init; } = 1e-5;

    /// <summary>The peak from the first step to the last, without warm-up and descent.</summary>
    public bool ConstantLearningRate { get; init; }

    /// <summary>Share of all steps spent warming up, 0 to 0.5.</summary>
    public double WarmupFraction { get; init; } = 0.05;

    /// <summary>Lessons per optimizer step: conversations, or pairs of replies.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Tokens per forward pass: lower it, and nothing else, when memory runs out.</summary>
    public int MicroBatchTokens { get; init; } = 4_096;

    /// <summary>Longest example, tokens; longer ones are cut by whole exchanges before they come here.</summary>
    public int MaxTokens { get; init; } = 2_048;

    /// <summary>Decay of matrices, per step and unit of learning rate.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Longest gradient, all parameters together.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>Decides the order of examples and what an adapter's dropout drops; nothing else here is random.</summary>
    public long Seed { get; init; }

    /// <exception cref="ArgumentException">Which setting is out of which range.</exception>
    public TrainingSettings Checked()
    {
        Require(Steps is null or >= 1, nameof(Steps), Steps ?? 0, "1 or more");
        Require(Steps is not null || Epochs is > 0 and <= 10_000, nameof(Epochs), Epochs, "above 0, at most 10,000");
        Require(PeakLearningRate is > 0 and <= 1, nameof(PeakLearningRate), PeakLearningRate, "above 0, at most 1");
        Require(WarmupFraction is >= 0 and <= 0.5, nameof(WarmupFraction), WarmupFraction, "0 to 0.5");
        Require(BatchSize >= 1, nameof(BatchSize), BatchSize, "1 or more");
        Require(MicroBatchTokens >= 1, nameof(MicroBatchTokens), MicroBatchTokens, "1 or more");
        Require(MaxTokens >= 2, nameof(MaxTokens), MaxTokens, "2 or more");
        Require(WeightDecay is >= 0 and <= 10, nameof(WeightDecay), WeightDecay, "0 to 10");
        Require(ClipNorm > 0, nameof(ClipNorm), ClipNorm, "above 0");
        return this;
    }

    /// <summary>Optimizer steps for this many examples.</summary>
    public int TotalSteps(int examples) => Steps ?? Math.Max(1, (int)Math.Ceiling(Epochs * examples / Math.Min(BatchSize, examples)));

    /// <summary>Linear warm-up, then half a cosine down to a tenth of the peak: a pure function of the step.</summary>
    /// <param name="step">0 for the first.</param>
    public double LearningRate(int step, int total)
    {
        if (ConstantLearningRate) return PeakLearningRate;
        var warmup = (int)Math.Ceiling(WarmupFraction * total);
        if (step < warmup) return PeakLearningRate * (step + 1) / warmup;
        var progress = (step - warmup) / (double)Math.Max(1, total - warmup);
        return PeakLearningRate * (0.1 + 0.45 * (1 + Math.Cos(Math.PI * progress)));
    }

    private static void Require(bool holds, string name, double value, string range)
    {
        if (!holds) throw new ArgumentException($"{name} is {value}, expected {range}.");
    }
}
