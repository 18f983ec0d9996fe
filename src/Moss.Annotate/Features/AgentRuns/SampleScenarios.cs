using System.Reflection;

namespace Moss.Annotate.Features.AgentRuns;

/// <summary>The scenarios of the repository's samples, which the portal carries with it.</summary>
internal static class SampleScenarios
{
    private const string Prefix = "scenarios/";

    /// <summary>File names and texts, in order of names.</summary>
    public static readonly IReadOnlyList<(string Name, string Text)> All = Read();

    private static List<(string, string)> Read()
    {
        var assembly = Assembly.GetExecutingAssembly();
        return
        [
            .. assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(n =>
            {
                using var reader = new StreamReader(assembly.GetManifestResourceStream(n)!);
                return (n[Prefix.Length..], reader.ReadToEnd());
            }),
        ];
    }
}
