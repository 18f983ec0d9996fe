using System.Globalization;

namespace Moss.Model.Adapters;

/// <summary>How far a merged network is from its base with the adapter attached.</summary>
/// <param name="WeightType">Number format of the merged weights: float32, bfloat16 or float16.</param>
/// <param name="Positions">Positions whose logits were compared.</param>
/// <param name="LargestDifference">Of any logit.</param>
/// <param name="LargestRelative">Of any logit, as a share of max(1, |logit|).</param>
/// <param name="Agreement">Share of positions with the same most likely token, or one that was as good as even with it before.</param>
public sealed record MergeProof(string WeightType, long Positions, double LargestDifference, double LargestRelative, double Agreement)
{
    /// <summary>Logits closer than this share of max(1, |logit|) count as even.</summary>
    public const double Tie = 0.01;

    private const double Tolerance = 1e-4, LeastAgreement = 0.95;

    /// <summary>float32: no logit differs by more than 0.0001 of max(1, |logit|). Shorter formats: at least 95 % of the choices are the same.</summary>
    public bool Holds => WeightType is "bfloat16" or "float16" ? Agreement >= LeastAgreement : LargestRelative <= Tolerance;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"over {Positions:N0} positions the largest difference of a logit is {LargestDifference:G3}, and {100 * Agreement:0.0} % choose the same token ({WeightType})");
}
