using Moss.Data.AgentRuns;
using Moss.Trainer.AgentRuns;

namespace Moss.Trainer.Tests.AgentRuns;

public class ChecksTests
{
    [Theory]
    [InlineData("check: equals, value: Paris", " Paris\n", "paris")]
    [InlineData("check: equals, value: paris, fold: nfkc_casefold", "ＰＡＲＩＳ", "Paris!")]
    [InlineData("check: equals, value: １２", "12", "13")] // nfkc folds both sides
    [InlineData("check: equals, value: １２, fold: none", "１２", "12")]
    [InlineData("check: equals, any_of: [北京, 北京市]", "北京市", "北京。")]
    [InlineData("check: contains, any_of: [Nolan, Scott]", "It was Christopher Nolan.", "It was nolan.")]
    [InlineData("check: not_contains, any_of: [As an AI, 作为一个AI]", "Sure.", "As an AI, I cannot.")]
    [InlineData("check: regex, pattern: '^2024-05-(0[1-9]|[12][0-9]|3[01])$'", "2024-05-31", "2024-05-32")]
    [InlineData("check: numeric, value: 391", "391", "391 = 17 * 23")]
    [InlineData("check: numeric, value: 300, pick: last", "391 - 91 = 300", "300 = 391 - 91")]
    [InlineData("check: numeric, value: 300, pick: first", "300 = 391 - 91", "391 - 91 = 300")]
    [InlineData("check: numeric, value: 3.14, tolerance: 0.01", "about 3.1416", "about 3.2")]
    [InlineData("check: numeric, value: -5", "minus: −5 degrees", "covid-5")]
    [InlineData("check: numeric, value: 1234567", "七位数是1,234,567。", "1,234,56")]
    [InlineData("check: numeric, value: 12", "七加五等于12。", "七加五等于十二。")]
    [InlineData("check: json, pointer: /ok, equals: true", """{"ok": true}""", """{"ok": "true"}""")]
    [InlineData("check: json, equals: { a: [1, 2] }", "Here:\n```json\n{\"a\": [1, 2.0]}\n```\n", "```\n{\"a\":[1,2]}\n```\n```\n{}\n```")]
    [InlineData("check: json, pointer: /a~1b/1, type: integer", """{"a/b": [0, 2]}""", """{"a/b": [0, 2.5]}""")]
    [InlineData("check: sorted, items: lines, by: number, same_items_as: [42, 7, 19]", "7\n19\n42", "19\n7\n42")]
    [InlineData("check: sorted, items: lines, by: number, same_items_as: [42, 7, 19]", "7\n 19 \n42\n", "7\n42")]
    [InlineData("check: sorted, items: commas, by: ordinal, order: desc", "pear, fig，apple", "apple, pear")]
    [InlineData("check: sorted, items: json, by: number", "[1, 2, 10]", "[1, 10, 2]")]
    [InlineData("check: min_chars, value: 2", "𝄞𝄞", "𝄞")] // code points, not UTF-16 units
    [InlineData("check: max_chars, value: 4", "𝄞𝄞𝄞𝄞", "12345")]
    [InlineData("check: language, value: zh-Hans", "北京 is in 中国北方。", "Beijing 北京")]
    [InlineData("check: language, value: en", "Paris!", "12")]
    public void Each_check_passes_what_it_should_and_fails_what_it_should(string check, string passes, string fails)
    {
        var expect = ScenarioFile.Read(ScenarioTexts.Check(check)).Turns[0].Expect;

        Assert.Null(Assert.Single(Checks.Run(expect, passes)).Why);
        Assert.NotNull(Assert.Single(Checks.Run(expect, fails)).Why);
    }

    [Fact]
    public void Inner_thoughts_and_commands_are_not_seen() =>
        Assert.Equal("Paris", Checks.Visible("<think>\nMaybe 12?\n</think>Paris"));

    [Fact]
    public void Only_equals_and_numeric_know_the_answer()
    {
        var turns = ScenarioFile.Read(ScenarioTexts.Example9).Turns;

        Assert.Equal(["391", null, "300", "北京", null, null, null, null, null],
            turns.SelectMany(t => t.Expect).Select(Checks.KnownAnswer));
    }

    public static readonly string[] Right = ["391", "391 - 91 = 300", "北京", "7\n19\n42", """{"ok": true}""", "2024-05-17"];

    [Theory]
    [InlineData(0, "392", "numeric")]
    [InlineData(0, "The number: 391", "max_chars")]
    [InlineData(1, "300, not 391", "numeric")]
    [InlineData(2, "南京", "equals")]
    [InlineData(3, "7\n42\n19", "sorted")]
    [InlineData(4, """{"ok": false}""", "json")]
    [InlineData(5, "17 May 2024", "regex")]
    public void One_wrong_answer_fails_exactly_its_check(int turn, string wrong, string check)
    {
        var turns = ScenarioFile.Read(ScenarioTexts.Example9).Turns;
        var answers = Right.ToArray();
        Assert.All(turns.Zip(answers), t => Assert.All(Checks.Run(t.First.Expect, t.Second), r => Assert.True(r.Passed, r.Why)));

        answers[turn] = wrong;

        var failed = turns.Zip(answers).SelectMany(t => Checks.Run(t.First.Expect, t.Second)).Where(r => !r.Passed);
        Assert.Equal([check], failed.Select(r => r.Check.Name));
    }
}
