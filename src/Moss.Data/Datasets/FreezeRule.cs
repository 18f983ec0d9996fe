using System.Text.Json;

namespace Moss.Data.Datasets;

/// <summary>What goes into a dataset version. The same rule with the same Until gives the same bytes.</summary>
public sealed record FreezeRule
{
    public string Recipe { get; init; } = "sft";

    /// <summary>Lowest overall rating, on the scale 1 to 5, of a reply that is learned as it is; one rating below it keeps the reply out.</summary>
    public double MinScore { get; init; } = 4;

    /// <summary>Times a corrected answer is seen per epoch.</summary>
    public int CorrectionRepeat { get; init; } = 8;

    /// <summary>Share of the imported conversations that are replayed so that nothing is forgotten, 0 to 1.</summary>
    public double ReplayShare { get; init; } = 1;

    /// <summary>Most imported conversations that are replayed.</summary>
    public int ReplayMax { get; init; } = 1_000;

    /// <summary>Share of conversation beginnings that are held out for evaluation, 0 to 0.9.</summary>
    public double EvalShare { get; init; } = 0.1;

    /// <summary>Chooses which conversations are replayed.</summary>
    public long Seed { get; init; }

    /// <summary>The time of the cut: nothing that came later counts. Null is now.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Reads a rule; unknown keys and impossible values are refused by name.</summary>
    public static FreezeRule Parse(string json)
    {
        var rule = Json.Parse<FreezeRule>(json, "The freeze rule");
        rule.Check();
        return rule;
    }

    public string ToJson() => JsonSerializer.Serialize(this, Json.SnakeCase);

    /// <summary>Refuses impossible values with a sentence.</summary>
    public void Check()
    {
        if (Recipe != "sft") throw new MossInputException($"'{Recipe}' is not a recipe. Known: sft.");
        Within("min_score", MinScore, 1, 5);
        Within("correction_repeat", CorrectionRepeat, 1, 1_000);
        Within("replay_share", ReplayShare, 0, 1);
        Within("replay_max", ReplayMax, 0, 10_000_000);
        Within("eval_share", EvalShare, 0, 0.9);
    }

    private static void Within(string name, double value, double least, double most)
    {
        if (!(value >= least && value <= most))
            throw new MossInputException(FormattableString.Invariant($"The freeze rule's {name} is {value}; it must be from {least} to {most}."));
    }
}
