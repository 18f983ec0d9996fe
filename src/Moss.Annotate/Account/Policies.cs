namespace Moss.Annotate.Account;

/// <summary>Who may do what: each policy admits the roles above it too.</summary>
public static class Policies
{
    public const string Annotator = nameof(Annotator);
    public const string Researcher = nameof(Researcher);
    public const string Administrator = nameof(Administrator);
}
