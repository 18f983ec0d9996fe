using System.Runtime.CompilerServices;

namespace Moss.Trainer.Tests.RealInput;

/// <summary>The real conversations beside the clone, which the repository does not ship.</summary>
internal static class RealFile
{
    public static string Moss => Find("data/moss-sft/conversations.jsonl");
    public static string Oasst => Find("data/oasst/en_100_tree.jsonl");

    private static string Find(string name, [CallerFilePath] string here = "")
    {
        var root = Environment.GetEnvironmentVariable("MOSS_SHARED") is { Length: > 0 } given ? given : Path.Combine(Repository(here), "..", "shared");
        var path = Path.Combine(root, name);
        if (File.Exists(path)) return path;
        var missing = $"{name} is not in {root}: this test runs on real conversations that lie beside the repository (or at MOSS_SHARED).";
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(missing);
        Assert.Skip(missing);
        return path;
    }

    private static string Repository(string here)
    {
        var folder = new DirectoryInfo(Path.GetDirectoryName(here)!);
        while (!File.Exists(Path.Combine(folder.FullName, "Moss.Platform.sln"))) folder = folder.Parent!;
        return folder.FullName;
    }
}
