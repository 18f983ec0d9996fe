namespace Moss.Data.Training;

/// <summary>One number of one step of a run: loss, eval_loss, learning_rate, gradient_norm, tokens_per_second.</summary>
public sealed class TrainingMetric
{
    public const string Loss = "loss";
    public const string EvalLoss = "eval_loss";

    public required Guid RunId { get; init; }
    public required int Step { get; init; }
    public required string Name { get; init; }
    public required double Value { get; init; }
    public required DateTimeOffset At { get; init; }
}
