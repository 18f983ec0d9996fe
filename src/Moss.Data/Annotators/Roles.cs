namespace Moss.Data.Annotators;

/// <summary>The roles of people. An administrator may do what a researcher may, a researcher what an annotator may.</summary>
public static class Roles
{
    public const string Annotator = nameof(Annotator);
    public const string Researcher = nameof(Researcher);
    public const string Administrator = nameof(Administrator);

    public static readonly IReadOnlyList<string> All = [Annotator, Researcher, Administrator];
}
