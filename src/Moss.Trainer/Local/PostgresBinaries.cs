using System.Globalization;
using System.Text.RegularExpressions;

namespace Moss.Trainer.Local;

/// <summary>A folder with PostgreSQL's server programs, and their major version.</summary>
internal sealed partial record PostgresBinaries(string Folder, int Major)
{
    public const int OldestMajor = 15;

    public string Initdb => Path.Combine(Folder, "initdb");
    public string Server => Path.Combine(Folder, "postgres");

    /// <summary>The newest server that is installed, or of the given major version; null when there is none.</summary>
    /// <param name="unpacked">Where the copy from npm lies, if it was needed (see PostgresSetup).</param>
    /// <param name="major">The version that an existing cluster was made by: no other can open it.</param>
    public static async Task<PostgresBinaries?> FindAsync(string unpacked, int? major, CancellationToken cancellation)
    {
        var found = new List<PostgresBinaries>();
        foreach (var folder in Folders(unpacked).Distinct())
            if (File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres"))
                && await MajorAsync(Path.Combine(folder, "postgres"), cancellation) is { } version and >= OldestMajor)
                found.Add(new PostgresBinaries(folder, version));
        return found.Where(b => major is null || b.Major == major).MaxBy(b => b.Major);
    }

    private static IEnumerable<string> Folders(string unpacked)
    {
        // Debian puts all versions here, Red Hat and Homebrew there; a link in PATH is followed, since the server looks for its files beside itself.
        foreach (var (root, pattern) in ((string, string)[])[
            ("/usr/lib/postgresql", "*"), ("/usr", "pgsql-*"), ("/opt/homebrew/opt", "postgresql@*"), ("/usr/local/opt", "postgresql@*")])
        {
            if (!Directory.Exists(root)) continue;
            foreach (var version in Directory.EnumerateDirectories(root, pattern)) yield return Path.Combine(version, "bin");
        }
        if (ToolRun.Find("postgres") is { } inPath)
            yield return Path.GetDirectoryName(File.ResolveLinkTarget(inPath, returnFinalTarget: true)?.FullName ?? inPath)!;
        yield return Path.Combine(unpacked, "bin");
    }

    private static async Task<int?> MajorAsync(string server, CancellationToken cancellation)
    {
        var run = await ToolRun.OfAsync([server, "--version"], cancellation);
        return run.ExitCode == 0 && Version().Match(run.Output) is { Success: true } match
            ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
            : null;
    }

    [GeneratedRegex(@"\(PostgreSQL\) (\d+)")]
    private static partial Regex Version();
}
