using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>What a run drives down: a pure function of one number per document, its log-probability or its score.</summary>
public abstract record Objective
{
    /// <summary>Documents of each lesson: 2 where replies are compared.</summary>
    public virtual int DocumentsPerLesson => 1;

    /// <summary>Lessons need the log-probabilities of the network before tuning.</summary>
    public virtual bool NeedsReference => false;

    /// <summary>Its derivative does not depend on the values, so they need not be known beforehand.</summary>
    public virtual bool IsLinear => false;

    /// <summary>Documents are scored by a head of their own at their last token, not by their likelihood.</summary>
    public virtual bool ScoresDocuments => false;

    /// <summary>What the losses of one optimizer step are divided by, so that one batch of 8 equals 8 of 1.</summary>
    public virtual double Divisor(IReadOnlyList<Lesson> step) => step.Sum(l => l.Weight);

    /// <param name="values">(lessons · documents) float32: log-probability or score of each document, a lesson's documents side by side.</param>
    /// <param name="lessons">The lessons of this batch, on the device.</param>
    /// <param name="baseline">What <see cref="Kto"/> measured over the whole step; 0 for others.</param>
    /// <returns>0-d: the sum of the lessons' losses, not divided yet.</returns>
    public abstract Tensor Loss(Tensor values, LessonTensors lessons, double baseline);

    /// <summary>(lessons): by how much each lesson is got right, in the objective's own unit; above 0 is right. Empty where nothing is compared.</summary>
    public virtual Tensor Margins(Tensor values, LessonTensors lessons) => empty([0], float32, values.device);
}

/// <summary>What an objective knows of a batch's lessons besides the values; all float32, without gradient.</summary>
/// <param name="Weights">(lessons).</param>
/// <param name="Certainties">(lessons).</param>
/// <param name="Spoken">(lessons) 1 or 0.</param>
/// <param name="Desirable">(lessons) 1 or 0.</param>
/// <param name="Lengths">(lessons · documents) learned tokens.</param>
/// <param name="References">(lessons · documents) log-probabilities before tuning, nats.</param>
public sealed record LessonTensors(Tensor Weights, Tensor Certainties, Tensor Spoken, Tensor Desirable, Tensor Lengths, Tensor References)
{
    /// <summary>Owned by the caller's scope.</summary>
    public static LessonTensors Of(IReadOnlyList<Lesson> lessons, Device device)
    {
        return new(On(lessons.Select(l => l.Weight)), On(lessons.Select(l => l.Certainty)), On(lessons.Select(l => l.Spoken ? 1.0 : 0)),
            On(lessons.Select(l => l.Desirable ? 1.0 : 0)), On(lessons.SelectMany(l => l.Documents.Select(d => (double)d.LearnedCount))),
            On(lessons.SelectMany(l => l.Reference ?? [.. l.Documents.Select(_ => 0.0)])));

        Tensor On(IEnumerable<double> values) => tensor(values.Select(v => (float)v).ToArray(), float32, device);
    }
}
