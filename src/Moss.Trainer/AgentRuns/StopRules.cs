using Moss.Data.AgentRuns;

namespace Moss.Trainer.AgentRuns;

/// <summary>Why a dialogue ends: the reasons that a scripted one can have, the first that holds wins (SCENARIOS, "Stop reasons").</summary>
internal static class StopRules
{
    public const string Canceled = "canceled";
    public const string Error = "error";
    public const string WallClock = "wall_clock";
    public const string MaxTokens = "max_tokens";
    public const string CheckFailed = "check_failed";
    public const string Loop = "loop";
    public const string EmptyReply = "empty_reply";
    public const string ScriptFinished = "script_finished";
    public const string MaxTurns = "max_turns";

    private const int Gram = 8;
    private const double LoopSimilarity = 0.85;
    private const int LoopWindow = 3;

    /// <summary>The reason to stop after <paramref name="done"/> turns, or null to go on.</summary>
    /// <param name="replies">The replies so far, oldest first.</param>
    /// <param name="tokens">Prompt and reply tokens of all calls.</param>
    /// <param name="empty">The newest call came back empty twice.</param>
    public static string? After(
        Scenario scenario, int done, IReadOnlyList<string> replies, double seconds, long tokens, bool checkFailed, bool empty)
    {
        if (seconds > scenario.Limits.WallSeconds) return WallClock;
        if (tokens > scenario.Limits.MaxTokens) return MaxTokens;
        if (checkFailed && scenario.Turns[done - 1].StopOnFail) return CheckFailed;
        if (Loops(replies)) return Loop;
        if (empty) return EmptyReply;
        if (done >= scenario.Turns.Count) return ScriptFinished;
        return done >= scenario.Limits.MaxTurns ? MaxTurns : null;
    }

    /// <summary>The newest reply says again what one of the three before it said. Texts shorter than 8 characters cannot loop: "yes" may return.</summary>
    private static bool Loops(IReadOnlyList<string> replies) =>
        replies.Count > 1 && replies.SkipLast(1).TakeLast(LoopWindow).Any(earlier => Similarity(replies[^1], earlier) >= LoopSimilarity);

    private static double Similarity(string a, string b)
    {
        var (left, right) = (Grams(a), Grams(b));
        var shared = left.Count(right.Contains);
        return shared == 0 ? 0 : (double)shared / (left.Count + right.Count - shared);
    }

    private static HashSet<string> Grams(string text) =>
        [.. Enumerable.Range(0, Math.Max(0, text.Length - Gram + 1)).Select(i => text.Substring(i, Gram))];
}
