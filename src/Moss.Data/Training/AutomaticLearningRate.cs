namespace Moss.Data.Training;

/// <summary>
/// The peak learning rate where none is said. At a billion parameters and above: the published values (TRL, alignment-handbook, MOSS). At the starter's two
/// million: what learned most there without forgetting. Between them a straight line on logarithmic axes; small networks need far higher rates.
/// </summary>
public static class AutomaticLearningRate
{
    /// <summary>For the descriptions of settings.</summary>
    public const string Source = "automatic: TRL's and alignment-handbook's values from a billion parameters up, more for smaller checkpoints";

    private const double Large = 1e9, Small = 2e6; // parameters

    /// <param name="parameters">Of the base checkpoint.</param>
    public static double For(string recipe, bool lora, long parameters)
    {
        var (small, large) = Ends(recipe, lora);
        var place = Math.Clamp(Math.Log(parameters / Small) / Math.Log(Large / Small), 0, 1);
        var rate = small * Math.Pow(large / small, place);
        return double.Parse(rate.ToString("E1", System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture); // two digits say enough
    }

    private static (double Small, double Large) Ends(string recipe, bool lora) => (recipe, lora) switch
    {
        (Recipes.Dpo or Recipes.Kto, false) => (1e-4, 5e-7),
        (Recipes.Dpo or Recipes.Kto, true) => (1e-3, 5e-6),
        (Recipes.Reward, false) => (3e-4, 5e-6),
        (Recipes.Reward, true) => (3e-3, 5e-5),
        (_, false) => (1e-3, 1e-5),
        (_, true) => (5e-3, 1e-4),
    };
}
