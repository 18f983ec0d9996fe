namespace Moss.Data.Training;

/// <summary>The settings of supervised tuning.</summary>
public record SftSettings : TuningSettings
{
    public const string Recipe = Recipes.Sft;

    /// <summary>Optimizer steps; null takes Epochs.</summary>
    public int? Steps { get; init; }

    /// <summary>Share of the steps spent warming up, 0 to 0.5.</summary>
    public double WarmupFraction { get; init; } = 0.05;

    /// <summary>AdamW's decay of matrices, per unit of learning rate.</summary>
    public double WeightDecay { get; init; } = 0.01;

    public static SftSettings Parse(string json) => (SftSettings)Parse(Recipe, json);

    public override string RecipeName() => Recipes.Sft;

    public override int? WantedSteps() => Steps;

    public override double WarmupShare() => WarmupFraction;

    public override double Decay() => WeightDecay;
}

/// <summary>The settings of supervised tuning that is told how good each reply is.</summary>
public sealed record QualitySettings : SftSettings
{
    public override string RecipeName() => Recipes.Quality;
}
