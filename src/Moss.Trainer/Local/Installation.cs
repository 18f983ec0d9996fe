using System.Security.Cryptography;
using System.Text;

namespace Moss.Trainer.Local;

/// <summary>One installation on this machine: where its code and its state are, and at which addresses its programs listen.</summary>
public sealed record Installation(string Home, string State, string Checkpoints, Uri Portal, Uri Serve, Uri Work)
{
    public const string HomeVariable = "MOSS_HOME", StateVariable = "MOSS_STATE", DatabaseVariable = "MOSS_DB";
    public const string CheckpointsVariable = "MOSS_CHECKPOINTS", SetupTokenVariable = "MOSS_SETUP_TOKEN";
    public const string PortalVariable = "MOSS_PORTAL_URL", ServeVariable = "MOSS_SERVE_URL", WorkVariable = "MOSS_WORK_URL";
    public const int PortalPort = 5080, ServePort = 5081, WorkPort = 5082;

    public string RunFolder => Path.Combine(State, "run");
    public string LogFolder => Path.Combine(State, "logs");
    public string TrainerDll => Built("src/Moss.Trainer", "Moss.Trainer");
    public string PortalDll => Built("src/Moss.Annotate", "Moss.Annotate");
    public string MigrationsDll => Built("migrations", "Moss.Migrations");

    /// <summary>Where PostgreSQL's private cluster lives. It may not run as root nor enter root's home, so root's is outside.</summary>
    public string ClusterFolder => Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows()
        ? $"/var/lib/moss/{ShortHash}/pg"
        : Path.Combine(State, "pg");

    /// <summary>Where PostgreSQL's programs lie when they had to be got without a package manager.</summary>
    public string UnpackedPostgres => Path.Combine(Path.GetDirectoryName(ClusterFolder)!, "postgres");

    private string ShortHash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(State)))[..8];

    /// <summary>Reads the MOSS_ variables; what is not set is derived from where this program lies.</summary>
    public static Installation FromEnvironment()
    {
        var home = Folder(HomeVariable) ?? HomeAbove(AppContext.BaseDirectory);
        var state = Folder(StateVariable) ?? Path.Combine(home, ".moss");
        return new Installation(
            home,
            state,
            Folder(CheckpointsVariable) ?? Path.Combine(state, "checkpoints"),
            Address(PortalVariable, $"http://localhost:{PortalPort}"),
            Address(ServeVariable, $"http://127.0.0.1:{ServePort}"),
            Address(WorkVariable, $"http://127.0.0.1:{WorkPort}"));
    }

    /// <summary>What every program of this installation is told, besides the database.</summary>
    public Dictionary<string, string> Variables() => new()
    {
        [HomeVariable] = Home,
        [StateVariable] = State,
        [CheckpointsVariable] = Checkpoints,
        [PortalVariable] = Portal.GetLeftPart(UriPartial.Authority),
        [ServeVariable] = Serve.GetLeftPart(UriPartial.Authority),
        [WorkVariable] = Work.GetLeftPart(UriPartial.Authority),
        ["MALLOC_ARENA_MAX"] = "2", // glibc gives each thread an arena of its own, and libtorch has many threads
    };

    // …/bin/Release/net10.0/ of whatever program this is: its sisters are taken from the same configuration.
    private string Built(string project, string assembly)
    {
        var framework = new DirectoryInfo(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        return Path.Combine(Home, project, "bin", framework.Parent?.Name ?? "Release", framework.Name, assembly + ".dll");
    }

    private static string HomeAbove(string folder)
    {
        for (var above = new DirectoryInfo(folder); above is not null; above = above.Parent)
            if (File.Exists(Path.Combine(above.FullName, "Moss.Platform.sln"))) return above.FullName;
        throw new InvalidOperationException(
            $"No folder above '{folder}' holds Moss.Platform.sln, so this program does not know where its sisters are. " +
            $"Start it with ./moss, or set {HomeVariable} to the clone's root.");
    }

    private static string? Folder(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } path
            ? Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))
            : null;

    private static Uri Address(string variable, string otherwise)
    {
        var text = Environment.GetEnvironmentVariable(variable) is { Length: > 0 } set ? set : otherwise;
        return Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address
            : throw new InvalidOperationException($"{variable} is '{text}'; expected an address such as {otherwise}.");
    }
}
