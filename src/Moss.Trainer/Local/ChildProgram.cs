namespace Moss.Trainer.Local;

/// <summary>A program that the supervisor keeps running.</summary>
/// <param name="Address">Where it listens, and the variable that moves it elsewhere; null for one that does not listen.</param>
/// <param name="Health">The path that answers 200 once the program is ready.</param>
internal sealed record ChildProgram(
    string Name, IReadOnlyList<string> Command, string? WorkingDirectory = null, Uri? Address = null, string? AddressVariable = null, string Health = "/healthz")
{
    public static ChildProgram Portal(Installation installation) => new("portal", ["dotnet", Built(installation.PortalDll)],
        Path.Combine(installation.Home, "src/Moss.Annotate"), installation.Portal, Installation.PortalVariable);

    public static ChildProgram Starter(Installation installation) => Verb(installation, "starter", null, null);

    public static ChildProgram Serve(Installation installation) => Verb(installation, "serve", installation.Serve, Installation.ServeVariable);

    public static ChildProgram Work(Installation installation) => Verb(installation, "work", installation.Work, Installation.WorkVariable);

    private static ChildProgram Verb(Installation installation, string verb, Uri? address, string? variable) =>
        new(verb, ["dotnet", Built(installation.TrainerDll), verb], Path.Combine(installation.Home, "src/Moss.Trainer"), address, variable);

    private static string Built(string dll) => File.Exists(dll) ? dll
        : throw new FileNotFoundException($"'{dll}' is missing: it is not built. Run ./moss up, which builds what it needs.");
}
