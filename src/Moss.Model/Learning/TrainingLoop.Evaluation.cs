using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

public sealed partial class TrainingLoop
{
    /// <summary>Mean loss of the examples under the network as it is now, nats per learned token.</summary>
    public double Evaluate(IReadOnlyList<TrainingExample> examples) => Evaluate(_model, examples, MicroBatchTokens);

    /// <inheritdoc cref="Evaluate(IReadOnlyList{TrainingExample})"/>
    public static double Evaluate(Transformer model, IReadOnlyList<TrainingExample> examples, int microBatchTokens = 4_096) =>
        examples.Count == 0
            ? throw new ArgumentException("There is no example to evaluate on; its mean loss would be 0 / 0.", nameof(examples))
            : -Measuring.LogProbs(model, examples, microBatchTokens).Sum() / examples.Sum(e => (long)e.LearnedCount);

    /// <summary>How the network does on lessons that it does not learn from.</summary>
    public Evaluation Evaluate(IReadOnlyList<Lesson> lessons)
    {
        if (lessons.Count == 0) throw new ArgumentException("There is no example to evaluate on; its mean loss would be 0 / 0.", nameof(lessons));
        List<TrainingExample> documents = [.. lessons.SelectMany(l => l.Documents)];
        var values = Head is null ? Measuring.LogProbs(_model, documents, MicroBatchTokens) : Measuring.Scores(_model, Head, documents, MicroBatchTokens);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var known = LessonTensors.Of(lessons, _model.Device);
        var measured = tensor(values.Select(v => (float)v).ToArray(), float32, _model.Device);
        var loss = _objective.Loss(measured, known, Baseline([.. lessons])).item<float>() / _objective.Divisor(lessons);
        return new(loss, [.. _objective.Margins(measured, known).cpu().data<float>().ToArray()]);
    }

    /// <summary>Lessons with the log-probabilities of this network, before it is tuned, filled in.</summary>
    public static IReadOnlyList<Lesson> WithReference(Transformer model, IReadOnlyList<Lesson> lessons, int microBatchTokens = 4_096)
    {
        List<TrainingExample> documents = [.. lessons.SelectMany(l => l.Documents)], mismatched = [.. lessons.Select(l => l.Mismatched).OfType<TrainingExample>()];
        var values = Measuring.LogProbs(model, documents, microBatchTokens);
        var others = new Queue<double>(Measuring.LogProbs(model, mismatched, microBatchTokens));
        var at = 0;
        return [.. lessons.Select(l =>
        {
            var own = values[at..(at += l.Documents.Count)];
            return l with { Reference = own, MismatchedReference = l.Mismatched is null ? 0 : others.Dequeue() };
        })];
    }
}

/// <summary>How a network does on lessons.</summary>
/// <param name="Loss">In the objective's unit.</param>
/// <param name="Margins">By how much each lesson is got right; empty where nothing is compared.</param>
public sealed record Evaluation(double Loss, IReadOnlyList<double> Margins)
{
    /// <summary>Share of lessons got right; null where nothing is compared.</summary>
    public double? Accuracy => Margins.Count == 0 ? null : Margins.Average(m => m > 0 ? 1.0 : 0);
}
