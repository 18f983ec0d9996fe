using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model.Learning;

/// <summary>Cross-entropy: −Σ log p of what is to be said, per learned token.</summary>
public sealed record CrossEntropy : Objective
{
    public override bool IsLinear => true;

    public override double Divisor(IReadOnlyList<Lesson> step) => step.Sum(l => l.Weight * l.Documents[0].LearnedCount);

    public override Tensor Loss(Tensor values, LessonTensors lessons, double baseline) => -(values * lessons.Weights).sum();
}

/// <summary>
/// −log σ(β·h) with h = (π_better − π_worse) − (ref_better − ref_worse): the better reply gains on the worse, measured from where both began.
/// Rafailov et al. 2023, arXiv:2305.18290.
/// </summary>
/// <param name="Beta">How far the network may move from where it began: small is far.</param>
/// <param name="Smoothing">Share of comparisons taken to be the wrong way round, 0 to below 0.5 (conservative DPO, Mitchell 2023).</param>
/// <param name="SpokenWeight">Weight of −log p per token of replies that a person wrote (RPO, Pang et al. 2024, arXiv:2404.19733).</param>
public sealed record Dpo(double Beta = 0.1, double Smoothing = 0, double SpokenWeight = 0) : Objective
{
    public override int DocumentsPerLesson => 2;
    public override bool NeedsReference => true;

    public override Tensor Loss(Tensor values, LessonTensors lessons, double baseline)
    {
        var margins = Margins(values, lessons);
        // Disagreement of people and the stated smoothing are the same doubt: with probability p the first is the better one.
        var p = lessons.Certainties * (1 - 2 * Smoothing) + Smoothing;
        var compared = -p * functional.logsigmoid(margins) - (1 - p) * functional.logsigmoid(-margins);
        var (better, _) = Pairs.Of(values);
        var spoken = -better / Pairs.Of(lessons.Lengths).Better * lessons.Spoken * SpokenWeight;
        return ((compared + spoken) * lessons.Weights).sum();
    }

    /// <summary>β·h.</summary>
    public override Tensor Margins(Tensor values, LessonTensors lessons)
    {
        var (better, worse) = Pairs.Of(values - lessons.References);
        return Beta * (better - worse);
    }
}

/// <summary>
/// 1 − σ(±β(r − z)), r = π − ref: single replies that were liked rise above what any reply gained, others fall below.
/// Ethayarajh et al. 2024, arXiv:2402.01306.
/// </summary>
/// <param name="Beta">As for <see cref="Dpo"/>.</param>
public sealed record Kto(double Beta = 0.1) : Objective
{
    public override bool NeedsReference => true;

    /// <param name="baseline">z: mean gain of mismatched replies over the step, at least 0, without gradient.</param>
    public override Tensor Loss(Tensor values, LessonTensors lessons, double baseline) =>
        ((1 - sigmoid(Beta * (values - lessons.References - baseline) * Signs(lessons))) * lessons.Weights).sum();

    /// <summary>β·r, turned so that above 0 is right.</summary>
    public override Tensor Margins(Tensor values, LessonTensors lessons) => Beta * (values - lessons.References) * Signs(lessons);

    private static Tensor Signs(LessonTensors lessons) => 2 * lessons.Desirable - 1;
}

/// <summary>
/// −log σ(r_better − r_worse) + c·(r_better + r_worse)²: scores that explain who was preferred, kept around zero.
/// Bradley and Terry 1952; the second term as in Eisenstein et al. 2023, arXiv:2312.09244.
/// </summary>
public sealed record Reward(double Centering = 0.01) : Objective
{
    public override int DocumentsPerLesson => 2;
    public override bool ScoresDocuments => true;

    public override Tensor Loss(Tensor values, LessonTensors lessons, double baseline)
    {
        var (better, worse) = Pairs.Of(values);
        var p = lessons.Certainties;
        var compared = -p * functional.logsigmoid(better - worse) - (1 - p) * functional.logsigmoid(worse - better);
        return ((compared + Centering * (better + worse).square()) * lessons.Weights).sum();
    }

    public override Tensor Margins(Tensor values, LessonTensors lessons)
    {
        var (better, worse) = Pairs.Of(values);
        return better - worse;
    }
}

internal static class Pairs
{
    /// <summary>(2n) → (n) and (n).</summary>
    public static (Tensor Better, Tensor Worse) Of(Tensor values)
    {
        var pairs = values.view(-1, 2);
        return (pairs.select(1, 0), pairs.select(1, 1));
    }
}
