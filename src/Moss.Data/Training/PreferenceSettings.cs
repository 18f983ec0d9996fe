namespace Moss.Data.Training;

/// <summary>The settings of direct preference optimization.</summary>
public sealed record DpoSettings : TuningSettings
{
    /// <summary>Hold on the checkpoint that the run starts from: small lets go.</summary>
    public double Beta { get; init; } = 0.1;

    /// <summary>Share of preferences taken to be the wrong way round, besides what annotators disagreed on.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Weight of learning a correction's text as it is, nats per token, beside preferring it.</summary>
    public double NllWeight { get; init; }

    public override string RecipeName() => Recipes.Dpo;
}

/// <summary>The settings of tuning on single replies that were desirable or not.</summary>
public sealed record KtoSettings : TuningSettings
{
    /// <inheritdoc cref="DpoSettings.Beta"/>
    public double Beta { get; init; } = 0.1;

    public override string RecipeName() => Recipes.Kto;
}

/// <summary>The settings of a model that scores replies.</summary>
public sealed record RewardSettings : TuningSettings
{
    /// <summary>Pull of the two scores of a pair towards a sum of zero, so that scores of different prompts compare.</summary>
    public double Centering { get; init; } = 0.01;

    public override string RecipeName() => Recipes.Reward;
}
