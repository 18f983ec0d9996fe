namespace Moss.Model.Learning;

/// <summary>What one optimizer step did.</summary>
/// <param name="Number">1 for the first.</param>
/// <param name="Loss">In the objective's unit; nats per learned token for cross-entropy.</param>
/// <param name="GradientNorm">Before clipping.</param>
/// <param name="Tokens">All tokens read.</param>
/// <param name="LearnedTokens">Those that counted in the loss.</param>
public sealed record TrainingStep(int Number, int Total, double Loss, double LearningRate, double GradientNorm, long Tokens, long LearnedTokens, TimeSpan Time)
{
    public double TokensPerSecond => Tokens / Math.Max(Time.TotalSeconds, 1e-9);

    /// <summary>False when the update was left out, because a number was not finite or lay far outside those before.</summary>
    public bool Applied { get; init; } = true;

    /// <summary>Mean over the step's lessons of how far each was got right before the update; null where nothing is compared.</summary>
    public double? Margin { get; init; }

    /// <summary>Share of lessons got right before the update; null where nothing is compared.</summary>
    public double? Accuracy { get; init; }
}
