using Moss.Data.Training;

namespace Moss.Annotate.Features.Training;

/// <summary>One number of a run over its steps that the chart can show.</summary>
/// <param name="Name">The metric's name; words of it are measure_…, unit_… and, where it needs explaining, about_….</param>
/// <param name="HeldOut">The metric of held-out examples that is drawn as points; null for none.</param>
/// <param name="Scale">From the metric to what is shown.</param>
public sealed record Measure(string Name, string? HeldOut = null, double Scale = 1, string Format = "F3")
{
    public static readonly Measure Loss = new(TrainingMetric.Loss, TrainingMetric.EvalLoss);

    public static readonly IReadOnlyList<Measure> All =
    [
        Loss, new(TrainingMetric.Margin, TrainingMetric.EvalMargin), new(TrainingMetric.Accuracy, TrainingMetric.EvalAccuracy, 100, "F0"),
        new(TrainingMetric.GradientNorm, Format: "G3"), new(TrainingMetric.LearningRate, Format: "G2"), new(TrainingMetric.TokensPerSecond, Format: "N0"),
        new(TrainingMetric.Mfu, Scale: 100, Format: "F1"), new(TrainingMetric.MemoryBytes, Scale: 1e-9, Format: "F2"),
        new(TrainingMetric.SecondsLeft, Scale: 1 / 60.0, Format: "F1"),
    ];
}
