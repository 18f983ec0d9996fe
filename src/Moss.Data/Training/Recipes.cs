namespace Moss.Data.Training;

/// <summary>The ways of training, by the names under which rows, files and command lines know them.</summary>
public static class Recipes
{
    /// <summary>Supervised: say it like this.</summary>
    public const string Sft = "sft";

    /// <summary>Supervised, told beforehand how good the reply is.</summary>
    public const string Quality = "quality";

    /// <summary>Direct preference optimization: rather this than that.</summary>
    public const string Dpo = "dpo";

    /// <summary>Single replies, desirable or not.</summary>
    public const string Kto = "kto";

    /// <summary>A model that scores replies, from the same preferences as dpo.</summary>
    public const string Reward = "reward";

    public static readonly IReadOnlyList<string> All = [Sft, Quality, Dpo, Kto, Reward];

    /// <summary>Refuses a name that is none of them with a sentence.</summary>
    public static void Check(string recipe)
    {
        if (!All.Contains(recipe)) throw new MossInputException($"'{recipe}' is not a recipe. Known: {string.Join(", ", All)}.");
    }
}
