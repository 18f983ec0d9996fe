using System.Globalization;

namespace Moss.Data.Training;

/// <summary>
/// The peak learning rate where none is said. From a billion parameters up: published values (TRL, alignment-handbook, MOSS). At the starter's two million:
/// see <see cref="Ends"/>. Between them a straight line on logarithmic axes, which is a guess: no size between was tried.
/// </summary>
public static class AutomaticLearningRate
{
    /// <summary>For the descriptions of settings.</summary>
    public const string Source = "by recipe, adapter and size: published values from a billion parameters up, higher ones below, tried on the starter in part";

    private const double Large = 1e9, Small = 2e6; // parameters

    /// <param name="parameters">Of the base checkpoint.</param>
    public static double For(string recipe, bool lora, long parameters)
    {
        var (small, large) = Ends(recipe, lora);
        var place = Math.Clamp(Math.Log(parameters / Small) / Math.Log(Large / Small), 0, 1);
        var rate = small * Math.Pow(large / small, place);
        return double.Parse(rate.ToString("E1", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture); // two digits say enough
    }

    // Tried on the starter: see docs/log.md. The kto and reward values at its size were not: they are dpo's, and three times those.
    // Adapters at a billion parameters: ten times all weights; published for sft and dpo, taken over for reward.
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
