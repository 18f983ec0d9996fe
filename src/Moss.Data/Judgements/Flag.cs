namespace Moss.Data.Judgements;

/// <summary>A reply that someone should look at, and why.</summary>
public sealed class Flag : Judgement
{
    public static readonly IReadOnlyList<string> Categories = ["wrong", "harmful", "private", "spam", "other"];

    public required string Category { get; init; }
}
