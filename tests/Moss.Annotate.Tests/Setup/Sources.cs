using System.Runtime.CompilerServices;

namespace Moss.Annotate.Tests.Setup;

/// <summary>The portal's own source files.</summary>
internal static class Sources
{
    public static string Portal => Path.Combine(Root(), "src", "Moss.Annotate");

    public static IEnumerable<string> Files(params string[] extensions) =>
        Directory.EnumerateFiles(Portal, "*", SearchOption.AllDirectories).Where(f =>
            extensions.Contains(Path.GetExtension(f)) && !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
            && !f.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    private static string Root([CallerFilePath] string here = "")
    {
        var at = new DirectoryInfo(Path.GetDirectoryName(here)!);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "Moss.Platform.sln"))) at = at.Parent;
        return at?.FullName ?? throw new InvalidOperationException($"No Moss.Platform.sln above {here}.");
    }
}
