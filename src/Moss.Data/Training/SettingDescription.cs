namespace Moss.Data.Training;

/// <summary>One setting as data: what pages, command lines and documents say about it.</summary>
/// <param name="Name">As in the JSON.</param>
/// <param name="Unit">What it is counted in.</param>
/// <param name="Least">Smallest value that is accepted.</param>
/// <param name="Most">Largest value that is accepted.</param>
/// <param name="Meaning">What it decides, in a sentence.</param>
/// <param name="Source">Where the default comes from.</param>
public sealed record SettingDescription(string Name, string Unit, double Least, double Most, string Meaning, string Source)
{
    /// <summary>The value that is taken when nothing is said, as JSON spells it; "automatic" where it depends on the checkpoint or the data.</summary>
    public string Default { get; init; } = Automatic;

    public const string Automatic = "automatic";
}
