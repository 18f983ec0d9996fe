namespace Moss.Data.Judgements;

/// <summary>A score of one reply, with the scale it was given on.</summary>
public sealed class Rating : Judgement
{
    public const string Overall = "overall";
    public const string Check = "check";

    public required string Attribute { get; init; }
    public required double Score { get; init; }
    public double ScaleMin { get; init; } = 1;
    public double ScaleMax { get; init; } = 5;
}
