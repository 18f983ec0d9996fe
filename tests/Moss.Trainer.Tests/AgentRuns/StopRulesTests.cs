using Moss.Data.AgentRuns;
using Moss.Trainer.AgentRuns;

namespace Moss.Trainer.Tests.AgentRuns;

public class StopRulesTests
{
    private static Scenario Scenario(int turns, string limits = "", string onFail = "continue") => ScenarioFile.Read(ScenarioTexts.Frame(
        string.Join('\n', Enumerable.Range(0, turns).Select(i => $"  - {{ user: 'question {i}', on_fail: {onFail} }}")), limits));

    private static string? After(Scenario scenario, int done, string[]? replies = null, double seconds = 0, long tokens = 0, bool failed = false, bool empty = false) =>
        StopRules.After(scenario, done, replies ?? ["a reply"], seconds, tokens, failed, empty);

    [Fact]
    public void A_dialogue_goes_on_until_its_script_is_finished()
    {
        Assert.Null(After(Scenario(2), 1));
        Assert.Equal("script_finished", After(Scenario(2), 2));
    }

    [Fact]
    public void Each_cap_stops_it_with_its_own_reason()
    {
        var limits = "limits: { max_turns: 2, max_tokens: 100, wall_seconds: 5 }";
        Assert.Equal("max_turns", After(Scenario(3, limits), 2));
        Assert.Equal("max_tokens", After(Scenario(3, limits), 1, tokens: 101));
        Assert.Equal("wall_clock", After(Scenario(3, limits), 1, seconds: 5.1));
        Assert.Equal("empty_reply", After(Scenario(3, limits), 1, empty: true));
    }

    [Fact]
    public void A_failed_check_stops_it_only_where_the_turn_says_so()
    {
        Assert.Null(After(Scenario(2), 1, failed: true));
        Assert.Equal("check_failed", After(Scenario(2, onFail: "stop"), 1, failed: true));
    }

    [Theory]
    [InlineData("Thank you, goodbye, have a nice day!", "Thank you, goodbye, have a nice day.", true)]
    [InlineData("我不太明白你的意思，请再说一遍。", "我不太明白你的意思，请再说一遍。", true)]
    [InlineData("Titanic was directed by James Cameron.", "Inception was directed by Christopher Nolan.", false)]
    [InlineData("Yes.", "Yes.", false)] // too short to tell
    public void Saying_the_same_again_is_a_loop(string earlier, string reply, bool loops) =>
        Assert.Equal(loops ? "loop" : null, After(Scenario(9), 3, [earlier, "something else entirely", reply]));

    [Fact]
    public void A_loop_looks_back_three_replies() =>
        Assert.Null(After(Scenario(9), 5, ["the very same reply", "one other reply", "two other replies", "three more of them", "the very same reply"]));

    [Fact]
    public void When_several_reasons_hold_the_first_of_the_list_wins()
    {
        var scenario = Scenario(1, "limits: { max_turns: 1, max_tokens: 1, wall_seconds: 1 }", "stop");
        Assert.Equal("wall_clock", After(scenario, 1, seconds: 2, tokens: 2, failed: true));
        Assert.Equal("max_tokens", After(scenario, 1, tokens: 2, failed: true));
        Assert.Equal("check_failed", After(scenario, 1, failed: true));
        Assert.Equal("script_finished", After(scenario, 1));
    }
}
