namespace Moss.Model.Learning;

/// <summary>What one optimizer step did.</summary>
/// <param name="Number">1 for the first.</param>
/// <param name="Loss">Mean over the step's learned tokens, nats.</param>
/// <param name="GradientNorm">Before clipping; not finite when the step was skipped.</param>
/// <param name="TokensPerSecond">All tokens of the conversations, padding not counted.</param>
public sealed record TrainingStep(int Number, int Total, double Loss, double LearningRate, double GradientNorm, double TokensPerSecond);
