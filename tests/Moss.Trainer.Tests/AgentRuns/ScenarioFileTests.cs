using Moss.Data;
using Moss.Data.AgentRuns;
using Moss.Trainer.AgentRuns;

namespace Moss.Trainer.Tests.AgentRuns;

public class ScenarioFileTests
{
    [Fact]
    public void The_samples_and_the_format_s_own_example_can_be_read()
    {
        Assert.Equal(("films-en@1", "train", 5), Describe(ScenarioTexts.Sample("films-en.yaml")));
        Assert.Equal(("films-zh@1", "train", 5), Describe(ScenarioTexts.Sample("films-zh.yaml")));
        Assert.Equal(("basics-verifiable@1", "diagnostic", 6), Describe(ScenarioTexts.Example9));

        static (string, string, int) Describe(string text) => ScenarioFile.Read(text) is var s ? (s.Name, s.Split, s.Turns.Count) : default;
    }

    [Theory]
    [InlineData("id: a-test", "idd: a-test", "'id'")]
    [InlineData("  - user: hi", "  - { user: hi, says: hi }", "Line 9, column 17: the key 'says' is unknown in a turn")]
    [InlineData("split: diagnostic", "split: diagnostic\nsplit: train", "Line 5, column 1: the key 'split' is here twice (first in line 4)")]
    [InlineData("version: 1", "version: &one 1", "Line 3, column 10: the anchor &one is not allowed")]
    [InlineData("version: 1", "version: *one", "Line 3, column 10: the alias *one is not allowed")]
    [InlineData("version: 1", "version: !!int 1", "Line 3, column 10: the tag")]
    [InlineData("version: 1", "version: one", "Line 3, column 10: 'version' must be a whole number")]
    [InlineData("version: 1", "version: 0", "Line 3, column 10: 'version' is 0; it must be from 1")]
    [InlineData("moss.scenario/v1", "moss.scenario/v2", "Line 1, column 9: 'schema' is 'moss.scenario/v2'")]
    [InlineData("languages: [en]", "languages: [en", "this is not YAML")]
    [InlineData("split: diagnostic", "split: train", "'provenance' (license, purpose) is required")]
    [InlineData("agent: moss@champion", "agent: human", "the agent 'human' is not one that can be asked here")]
    [InlineData("languages: [en]", "languages: [en]\njudges: []", "Line 6, column 1: 'judges' in a scenario is not carried out here")]
    [InlineData("languages: [en]", "languages: [en]\nmatrix: { a: [1] }", "Line 6, column 1: 'matrix' in a scenario is not carried out here")]
    [InlineData("  target:", "  user: { agent: userlm@2 }\n  target:", "Line 7, column 3: 'user' in participants is not carried out here")]
    [InlineData("  - user: hi", "  - user: 'hi {{name}}'", "takes its value from a matrix")]
    public void What_is_wrong_is_named_with_its_place(string right, string wrong, string says)
    {
        var text = ScenarioTexts.Frame("  - user: hi");
        Assert.Contains(right, text, StringComparison.Ordinal);

        var refused = Assert.Throws<MossInputException>(() => ScenarioFile.Read(text.Replace(right, wrong, StringComparison.Ordinal)));

        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("check: equals", "either 'value' or 'any_of'")]
    [InlineData("check: equals, value: a, any_of: [b]", "either 'value' or 'any_of'")]
    [InlineData("check: regex, pattern: '(?=a)b'", "cannot be used")]
    [InlineData("check: numeric, value: '391'", "must be a number")]
    [InlineData("check: sorted, items: words, by: number", "must be one of lines, json, commas")]
    [InlineData("check: json", "either 'equals' or 'type'")]
    [InlineData("check: language, value: xx", "no known script")]
    [InlineData("check: equals, value: a, pattern: b", "the key 'pattern' is unknown in a check")]
    [InlineData("check: guess", "must be one of equals, contains")]
    public void A_check_that_cannot_be_carried_out_is_refused(string check, string says) =>
        Assert.Contains(says, Assert.Throws<MossInputException>(() => ScenarioFile.Read(ScenarioTexts.Check(check))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_over_256_KB_is_refused() =>
        Assert.Contains("bytes", Assert.Throws<MossInputException>(() => ScenarioFile.Read(new string('#', 256 * 1024 + 1))).Message, StringComparison.Ordinal);

    [Fact]
    public void Text_stays_text_where_the_schema_means_text()
    {
        var scenario = ScenarioFile.Read(ScenarioTexts.Frame("  - { user: no, expect: [ { check: equals, any_of: [1e3, yes, null] } ] }"));

        Assert.Equal("no", scenario.Turns[0].User);
        Assert.Equal(["1e3", "yes", "null"], scenario.Turns[0].Expect[0].AnyOf);
    }

    [Fact]
    public void The_hash_is_of_the_content_not_of_the_writing()
    {
        var plain = ScenarioFile.Read(ScenarioTexts.Frame("  - { user: hi, on_fail: stop }"));
        var written = ScenarioFile.Read(ScenarioTexts.Frame("  # a remark\n  - on_fail: 'stop'\n    user: \"hi\""));
        var other = ScenarioFile.Read(ScenarioTexts.Frame("  - { user: hi }"));

        Assert.Equal(plain.Sha256, written.Sha256);
        Assert.NotEqual(plain.Sha256, other.Sha256);
    }

    [Fact]
    public void Canonical_JSON_has_ordered_keys_no_spaces_and_plain_numbers() =>
        Assert.Equal(
            """{"Z":0.7,"a":[1,true,null,"北京\n\"\\"],"b":1e+22}""",
            CanonicalJson.Write(new Dictionary<string, object?> { ["b"] = 1e22, ["a"] = new object?[] { 1L, true, null, "北京\n\"\\" }, ["Z"] = 0.7 }));

    [Fact]
    public void The_seed_formula_gives_the_published_vector() =>
        Assert.Equal(1687187543195703847, Seeds.Of(20261123, new string('0', 64), "persona=p_expert;topic=3", 0, 2, "target", 1, 0));
}
