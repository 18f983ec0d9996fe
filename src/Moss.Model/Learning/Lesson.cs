namespace Moss.Model.Learning;

/// <summary>One thing to learn: a conversation, a reply that was liked or not, or two replies of which one is better.</summary>
/// <param name="Documents">One, or the better and the worse.</param>
public sealed record Lesson(IReadOnlyList<TrainingExample> Documents)
{
    public Lesson(TrainingExample only) : this([only]) { }

    /// <summary>How much it counts beside others; 1 for an ordinary one.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>Probability that the first document really is the better one, where several people disagreed; 1 when nothing says otherwise.</summary>
    public double Certainty { get; init; } = 1;

    /// <summary>The first document is also learned word by word: a person wrote it as what the reply should have been.</summary>
    public bool Spoken { get; init; }

    /// <summary>Whether the reply was liked, for objectives that learn from single replies.</summary>
    public bool Desirable { get; init; } = true;

    /// <summary>The same question with another question's reply: what the reply's likelihood means without the question. KTO only.</summary>
    public TrainingExample? Mismatched { get; init; }

    /// <summary>Sum of log p under the network as it was before tuning, nats, per document; null where the objective needs none.</summary>
    public IReadOnlyList<double>? Reference { get; init; }

    /// <summary>The same of <see cref="Mismatched"/>.</summary>
    public double MismatchedReference { get; init; }
}
