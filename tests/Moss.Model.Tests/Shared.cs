using System.Runtime.CompilerServices;
using System.Text.Json;
using Moss.Model.Text;

namespace Moss.Model.Tests;

/// <summary>Reference numbers and files that lie beside the repository, and what tests make for themselves.</summary>
internal static class Shared
{
    private static readonly string? Root = Environment.GetEnvironmentVariable("MOSS_SHARED") ?? Beside();

    /// <summary>A file or folder of ../shared; without it the test is skipped, or fails under CI.</summary>
    public static string Find(string relative)
    {
        if (Root is not null) return Path.Combine(Root, relative);
        Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", $"../shared/{relative} is not here: reference data lies beside the repository.");
        throw new DirectoryNotFoundException($"../shared/{relative} is missing and CI=true: put the reference data beside the repository or set MOSS_SHARED.");
    }

    public static JsonElement Json(string relative)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Find(relative)));
        return document.RootElement.Clone();
    }

    public static IEnumerable<JsonElement> Lines(string relative) => File.ReadLines(Find(relative)).Select(line =>
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.Clone();
    });

    /// <summary>Every text in the JSON files of a folder, tokenizers' own files left out.</summary>
    public static IReadOnlyList<string> AllTexts(string relative)
    {
        var texts = new List<string>();
        foreach (var file in Directory.EnumerateFiles(Find(relative), "*.json*", SearchOption.AllDirectories).Order())
            if (Path.GetFileName(file) is not ("tokenizer.json" or "vocab.json"))
                foreach (var json in file.EndsWith('l') ? File.ReadLines(file) : [File.ReadAllText(file)])
                {
                    using var document = JsonDocument.Parse(json);
                    Collect(document.RootElement, texts);
                }
        return texts;
    }

    private static void Collect(JsonElement element, List<string> texts)
    {
        if (element.ValueKind == JsonValueKind.String) texts.Add(element.GetString()!);
        if (element.ValueKind == JsonValueKind.Array)
            foreach (var child in element.EnumerateArray()) Collect(child, texts);
        if (element.ValueKind == JsonValueKind.Object)
            foreach (var field in element.EnumerateObject()) Collect(field.Value, texts);
    }

    public static int[] Ints(this JsonElement list) => [.. list.EnumerateArray().Select(e => e.GetInt32())];
    public static double[] Doubles(this JsonElement list) => [.. list.EnumerateArray().Select(e => e.GetDouble())];

    public static string NewFolder() => Directory.CreateDirectory(Path.Combine(Scratch.Value, Guid.NewGuid().ToString("N")[..8])).FullName;

    // A hundred megabytes of checkpoints by the end of a run.
    private static readonly Lazy<string> Scratch = new(() =>
    {
        var folder = Directory.CreateTempSubdirectory("moss-test-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    });

    public static string Repository([CallerFilePath] string here = "")
    {
        var folder = new DirectoryInfo(Path.GetDirectoryName(here)!);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Moss.Platform.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException($"No Moss.Platform.sln above {here}.");
    }

    private static string? Beside() =>
        Path.GetFullPath(Path.Combine(Repository(), "..", "shared")) is var path && Directory.Exists(path) ? path : null;
}
