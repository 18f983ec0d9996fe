using System.Text.RegularExpressions;
using System.Xml.Linq;
using Moss.Annotate.Tests.Setup;

namespace Moss.Annotate.Tests.Loop;

public sealed partial class WordsTests
{
    [Theory]
    [InlineData("AgentRuns", "AgentRunWords")]
    [InlineData("Checkpoints", "CheckpointWords")]
    [InlineData("Datasets", "DatasetWords")]
    [InlineData("Deployments", "DeploymentWords")]
    [InlineData("Training", "TrainingWords")]
    public void Every_word_that_the_loop_s_pages_use_is_there_in_both_languages(string feature, string list)
    {
        var folder = Path.Combine(Sources.Portal, "Features", feature);
        var used = Directory.EnumerateFiles(folder).Where(f => f.EndsWith(".razor", StringComparison.Ordinal) || f.EndsWith(".cs", StringComparison.Ordinal))
            .SelectMany(f => Uses().Matches(File.ReadAllText(f))).SelectMany(u => Keys().Matches(u.Groups["first"].Value).Select(k => (List: u.Groups["list"].Value, Key: k.Groups["key"].Value)))
            .Where(u => !u.Key.EndsWith('_') && !u.Key.StartsWith('_')).ToHashSet(); // with _ at an end it is a part of several
        Assert.NotEmpty(used);
        foreach (var language in (string[])["", ".zh-Hans"])
        {
            var (own, common) = (Names(Path.Combine(folder, list + language + ".resx")), Names(Path.Combine(Sources.Portal, "Features", "Shared", "LoopWords" + language + ".resx")));
            Assert.Equal([], used.Where(u => !(u.List == "Common" ? common : own).Contains(u.Key)).Select(u => u.Key));
        }
    }

    private static HashSet<string> Names(string resx) => [.. XDocument.Load(resx).Root!.Elements("data").Select(d => d.Attribute("name")!.Value)];

    [GeneratedRegex(@"\b(?<list>Words|Common)\[(?<first>[^,\]]+)")]
    private static partial Regex Uses();

    [GeneratedRegex("\"(?<key>[A-Za-z_0-9]+)\"")]
    private static partial Regex Keys();
}
