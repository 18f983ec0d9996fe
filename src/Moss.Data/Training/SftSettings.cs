using System.Text.Json;

namespace Moss.Data.Training;

/// <summary>The settings of a supervised tuning run (recipe "sft"), stored as snake_case JSON.</summary>
public sealed record SftSettings
{
    public const string Recipe = "sft";

    /// <summary>Times each example is seen, repeats of corrections not counted. Ignored when Steps is given.</summary>
    public double Epochs { get; init; } = 3;

    /// <summary>Optimizer steps; null takes Epochs.</summary>
    public int? Steps { get; init; }

    /// <summary>Most optimizer steps, whatever Epochs says: what bounds the time of a run.</summary>
    public int MaxSteps { get; init; } = 1_000;

    /// <summary>Highest learning rate, reached at the end of warm-up. Fits the small starter model; a model of billions of parameters wants about 1e-5 (MOSS's run script: 1.5e-5).</summary>
    public double PeakLearningRate { get; init; } = 3e-4;

    /// <summary>Share of the steps spent warming up, 0 to 0.5.</summary>
    public double WarmupFraction { get; init; } = 0.05;

    /// <summary>Examples per optimizer step.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Examples per forward pass: lower it, and nothing else, when memory runs out.</summary>
    public int MicroBatchSize { get; init; } = 16;

    /// <summary>Longest example in tokens; longer ones lose their last whole turns.</summary>
    public int MaxTokens { get; init; } = 1_024;

    /// <summary>AdamW's decay of matrices, per unit of learning rate.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Largest gradient norm; larger ones are scaled down.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>Optimizer steps between saved states: the most work a crash can cost.</summary>
    public int CheckpointEvery { get; init; } = 20;

    /// <summary>Reads settings; keys left out keep their defaults, unknown ones and impossible values are refused by name.</summary>
    public static SftSettings Parse(string json)
    {
        var settings = Json.Parse<SftSettings>(json, "The settings of the sft recipe");
        settings.Check();
        return settings;
    }

    public string ToJson() => JsonSerializer.Serialize(this, Json.SnakeCase);

    /// <summary>Refuses impossible values with a sentence.</summary>
    public void Check()
    {
        Within("epochs", Epochs, 0.01, 1_000);
        if (Steps is { } steps) Within("steps", steps, 1, 1_000_000);
        Within("max_steps", MaxSteps, 1, 1_000_000);
        Within("peak_learning_rate", PeakLearningRate, 1e-8, 0.1);
        Within("warmup_fraction", WarmupFraction, 0, 0.5);
        Within("batch_size", BatchSize, 1, 4_096);
        Within("micro_batch_size", MicroBatchSize, 1, BatchSize);
        Within("max_tokens", MaxTokens, 16, 1_048_576);
        Within("weight_decay", WeightDecay, 0, 1);
        Within("clip_norm", ClipNorm, 1e-3, 1_000);
        Within("checkpoint_every", CheckpointEvery, 1, 10_000);
    }

    private static void Within(string name, double value, double least, double most)
    {
        if (!(value >= least && value <= most))
            throw new MossInputException(FormattableString.Invariant($"The sft setting {name} is {value}; it must be from {least} to {most}."));
    }
}
