using System.Text.Json;
using System.Text.Json.Nodes;
using Moss.Data.Datasets;
using Moss.Data.Training;
using Moss.Model.Learning;

namespace Moss.Trainer.Training;

/// <summary>How a network does on examples that it never learns from, beside what length alone would get right.</summary>
/// <param name="Loss">In the objective's unit.</param>
/// <param name="Accuracy">Of comparisons and of liked or disliked replies; null for supervised tuning.</param>
/// <param name="LongerWins">How often the longer reply (in characters) is the chosen one; pairs only.</param>
/// <param name="MarginLengthCorrelation">Pearson's, of the margin and the difference in characters; null where one of them never varies.</param>
internal sealed record HeldOut(double Loss, WilsonShare? Accuracy, double? Margin, WilsonShare? LongerWins, double? MarginLengthCorrelation)
{
    private static readonly JsonSerializerOptions SnakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static HeldOut Of(Evaluation found, IReadOnlyList<RenderedLesson> lessons)
    {
        if (found.Margins.Count == 0) return new(found.Loss, null, null, null, null);
        double[] longer = [.. lessons.Select(l => l.Content).OfType<PreferenceContent>().Select(p => (double)Length(p.Chosen) - Length(p.Rejected))];
        return new(found.Loss, WilsonShare.Of95(found.Margins.Count(m => m > 0), found.Margins.Count), found.Margins.Average(),
            WilsonShare.Of95(longer.Count(d => d > 0), longer.Count(d => d != 0)),
            longer.Length == found.Margins.Count ? Correlation(found.Margins, longer) : null);
    }

    public Dictionary<string, double> Metrics()
    {
        var found = new Dictionary<string, double> { [TrainingMetric.EvalLoss] = Loss };
        Add(TrainingMetric.EvalAccuracy, Accuracy?.Share);
        Add(TrainingMetric.EvalAccuracyLow, Accuracy?.Low);
        Add(TrainingMetric.EvalAccuracyHigh, Accuracy?.High);
        Add(TrainingMetric.EvalMargin, Margin);
        Add(TrainingMetric.EvalLongerWins, LongerWins?.Share);
        Add(TrainingMetric.EvalMarginLengthCorrelation, MarginLengthCorrelation);
        return found;

        void Add(string name, double? value)
        {
            if (value is { } number) found[name] = number;
        }
    }

    /// <summary>Null where there is nothing beyond the loss.</summary>
    public string? Sentence() => Accuracy is not { } right ? null : FormattableString.Invariant($"Held-out accuracy {right}") +
        (LongerWins is { } longer ? FormattableString.Invariant($"; the longer reply is the chosen one in {longer}") : "") +
        (MarginLengthCorrelation is { } r ? FormattableString.Invariant($"; correlation of margin and difference in length {r:0.00}") : "") + ".";

    public JsonNode ToJson() => JsonSerializer.SerializeToNode(this, SnakeCase)!;

    private static int Length(string text) => text.EnumerateRunes().Count();

    private static double? Correlation(IReadOnlyList<double> x, double[] y)
    {
        var (meanX, meanY) = (x.Average(), y.Average());
        var (xy, xx, yy) = (x.Zip(y, (a, b) => (a - meanX) * (b - meanY)).Sum(), x.Sum(a => (a - meanX) * (a - meanX)), y.Sum(b => (b - meanY) * (b - meanY)));
        return xx > 0 && yy > 0 ? xy / Math.Sqrt(xx * yy) : null;
    }
}
