namespace Moss.Data.Training;

/// <summary>One number of one step of a run; step 0 is before tuning.</summary>
public sealed class TrainingMetric
{
    public const string Loss = "loss";
    public const string EvalLoss = "eval_loss";
    public const string LearningRate = "learning_rate";
    public const string GradientNorm = "gradient_norm";
    public const string TokensPerSecond = "tokens_per_second";
    public const string LearnedTokensPerSecond = "learned_tokens_per_second";

    /// <summary>Mean over the step's examples of how far each was got right before the update, in the objective's unit.</summary>
    public const string Margin = "margin";

    /// <summary>Share of the step's examples got right before the update.</summary>
    public const string Accuracy = "accuracy";

    /// <summary>Of the examples that are learned, after the last step.</summary>
    public const string TrainAccuracy = "train_accuracy";

    /// <summary>Of held-out examples; the next two are its 95 % interval (Wilson).</summary>
    public const string EvalAccuracy = "eval_accuracy";
    public const string EvalAccuracyLow = "eval_accuracy_low";
    public const string EvalAccuracyHigh = "eval_accuracy_high";
    public const string EvalMargin = "eval_margin";

    /// <summary>How often the longer reply is the chosen one of the same held-out pairs: what a judge of length alone would get right.</summary>
    public const string EvalLongerWins = "eval_longer_wins";

    /// <summary>Pearson's correlation of margin and difference in length over the held-out pairs.</summary>
    public const string EvalMarginLengthCorrelation = "eval_margin_length_correlation";

    /// <summary>Tokens per forward pass, from the step on at which memory made it change.</summary>
    public const string MicroBatchTokens = "micro_batch_tokens";

    /// <summary>Share of the machine's matrix-product peak that a step reached.</summary>
    public const string Mfu = "mfu";

    /// <summary>Most RAM that the training process held during a step, bytes.</summary>
    public const string MemoryBytes = "memory_bytes";

    public const string SecondsLeft = "seconds_left";

    public required Guid RunId { get; init; }
    public required int Step { get; init; }
    public required string Name { get; init; }
    public required double Value { get; init; }
    public required DateTimeOffset At { get; init; }
}
