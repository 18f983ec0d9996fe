using System.Text.Encodings.Web;
using System.Text.Json;
using Moss.Data.Training;

namespace Moss.Trainer.Cli;

/// <summary>`tune RECIPE --explain`: the recipe's settings, one per line.</summary>
internal static class SettingsListing
{
    private static readonly JsonSerializerOptions Lines = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static int Print(string recipe, bool json)
    {
        Recipes.Check(recipe);
        foreach (var s in TuningSettings.Describe(recipe))
            Console.WriteLine(json ? JsonSerializer.Serialize(s, Lines) : FormattableString.Invariant(
                $"{s.Name,-19} {s.Default,-10} {s.Unit,-25} {s.Least:G4} to {s.Most:G7}\n    {s.Meaning} Default: {s.Source}."));
        return 0;
    }
}
