using System.Text.Json;

namespace Moss.Data.Training;

/// <summary>What every recipe can be told, stored as snake_case JSON; each recipe's own record adds at most three more.</summary>
/// <remarks>Unit, range, default and source of each: <see cref="Describe"/>.</remarks>
public abstract record TuningSettings
{
    /// <summary>Times each example is seen, repeats of corrections not counted.</summary>
    public double Epochs { get; init; } = 3;

    /// <summary>Most optimizer steps, whatever Epochs says: what bounds the time of a run.</summary>
    public int MaxSteps { get; init; } = 1_000;

    /// <summary>Highest learning rate, reached at the end of warm-up; null takes <see cref="AutomaticLearningRate"/>.</summary>
    public double? PeakLearningRate { get; init; }

    /// <summary>Examples (pairs, where replies are compared) per optimizer step.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Examples per forward pass: lower it, and nothing else, when memory runs out. Null: <see cref="ExamplesPerPass"/>.</summary>
    public int? MicroBatchSize { get; init; }

    /// <summary>Longest example in tokens; longer ones lose whole turns.</summary>
    public int MaxTokens { get; init; } = 1_024;

    /// <summary>Width of a LoRA adapter that is trained in the weights' stead; 0 trains all weights.</summary>
    public int LoraRank { get; init; }

    /// <summary>Largest gradient norm; larger ones are scaled down.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>Optimizer steps between saved states: the most work a crash can cost.</summary>
    public int CheckpointEvery { get; init; } = 20;

    /// <summary>Reads settings; keys left out keep their defaults, unknown ones and impossible values are refused by name.</summary>
    public static TuningSettings Parse(string recipe, string json)
    {
        Recipes.Check(recipe);
        var what = $"The settings of the {recipe} recipe";
        TuningSettings settings = recipe switch
        {
            Recipes.Quality => Json.Parse<QualitySettings>(json, what),
            Recipes.Dpo => Json.Parse<DpoSettings>(json, what),
            Recipes.Kto => Json.Parse<KtoSettings>(json, what),
            Recipes.Reward => Json.Parse<RewardSettings>(json, what),
            _ => Json.Parse<SftSettings>(json, what),
        };
        settings.Check();
        return settings;
    }

    /// <summary>A recipe's settings before anybody says anything.</summary>
    public static TuningSettings DefaultsOf(string recipe) => Parse(recipe, "{}");

    /// <summary>What can be set for a recipe, in the order in which people ask.</summary>
    public static IReadOnlyList<SettingDescription> Describe(string recipe) => SettingTable.Of(DefaultsOf(recipe));

    /// <summary>The recipe that these are for.</summary>
    public abstract string RecipeName();

    /// <summary>Optimizer steps that were asked for; null counts them from the epochs.</summary>
    public virtual int? WantedSteps() => null;

    public virtual double WarmupShare() => 0.1; // alignment-handbook's for preferences

    public virtual double Decay() => 0; // transformers' default

    /// <summary>Examples per forward pass; unless said, the whole batch up to sixteen documents.</summary>
    public int ExamplesPerPass() => MicroBatchSize ?? Math.Min(BatchSize, Recipes.Compares(RecipeName()) ? 8 : 16);

    /// <summary>Every value that is set, by its name.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, GetType(), Json.SnakeCase);

    /// <summary>Refuses impossible values with a sentence.</summary>
    public void Check()
    {
        var values = JsonSerializer.SerializeToElement(this, GetType(), Json.SnakeCase);
        foreach (var setting in SettingTable.Rows(RecipeName()))
        {
            if (!values.TryGetProperty(setting.Name, out var value)) continue;
            var most = setting.Name == "micro_batch_size" ? BatchSize : setting.Most;
            if (!(value.GetDouble() >= setting.Least && value.GetDouble() <= most)) throw new MossInputException(FormattableString.Invariant(
                $"The {RecipeName()} setting {setting.Name} is {value.GetDouble()}; it must be from {setting.Least} to {most}."));
        }
    }
}
