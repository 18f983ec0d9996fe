using System.Text.Json;

namespace Moss.Data.Training;

/// <summary>When a run's result is deployed by itself: if the held-out loss rose by at most this much.</summary>
public sealed record DeployRule
{
    /// <summary>Nats per token; 0 deploys what is no worse, a negative number only what is better.</summary>
    public double MaxEvalLossIncrease { get; init; }

    /// <summary>Reads the rule; null never deploys.</summary>
    public static DeployRule? Parse(string? json)
    {
        if (json is null) return null;
        var rule = Json.Parse<DeployRule>(json, "The rule deploy_if");
        return double.IsFinite(rule.MaxEvalLossIncrease) ? rule : throw new MossInputException("The rule deploy_if needs a finite max_eval_loss_increase.");
    }

    public string ToJson() => JsonSerializer.Serialize(this, Json.SnakeCase);

    /// <summary>A loss that is not a number deploys nothing.</summary>
    public bool Allows(double lossBefore, double lossAfter) => lossAfter - lossBefore <= MaxEvalLossIncrease;
}
