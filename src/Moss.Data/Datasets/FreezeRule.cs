using System.Text.Json;
using System.Text.Json.Nodes;
using Moss.Data.Training;

namespace Moss.Data.Datasets;

/// <summary>What goes into a dataset version. The same rule with the same Until gives the same bytes.</summary>
public sealed record FreezeRule
{
    private static readonly string[] Supervised = ["correction_repeat", "replay_share", "replay_max", "eval_share", "seed"];
    private static readonly string[] Judged = ["smallest_edit", "rater_cap", "agent_share", "eval_share", "seed"];

    /// <summary>What the examples are for; each recipe uses its own fields, see <see cref="FieldsOf"/>.</summary>
    public string Recipe { get; init; } = Recipes.Sft;

    /// <summary>Lowest overall rating, on the scale 1 to 5, of a reply that is learned as it is; one rating below it keeps the reply out.</summary>
    public double MinScore { get; init; } = 4;

    /// <summary>Times a corrected answer is seen per epoch.</summary>
    public int CorrectionRepeat { get; init; } = 8;

    /// <summary>Share of the imported conversations that are replayed so that nothing is forgotten, 0 to 1.</summary>
    public double ReplayShare { get; init; } = 1;

    /// <summary>Most imported conversations that are replayed.</summary>
    public int ReplayMax { get; init; } = 1_000;

    /// <summary>Share of the good examples that carry no quality, so that the model also works when nobody asks for one, 0 to 1.</summary>
    public double UntaggedShare { get; init; } = 0.1;

    /// <summary>Least difference between two ratings of one annotator, on the scale 1 to 5, that makes a preference.</summary>
    public double ScoreGap { get; init; } = 2;

    /// <summary>Least share of its characters that a correction changes; a smaller one (a comma) says nothing about which reply is better. 0 to 1.</summary>
    public double SmallestEdit { get; init; } = 0.02;

    /// <summary>Most judgements of one annotator per day (UTC) that count, the earliest first; corrections and imports are not counted.</summary>
    public int RaterCap { get; init; } = 200;

    /// <summary>Largest share of examples that rest on agents' opinions alone, 0 to 1.</summary>
    public double AgentShare { get; init; } = 0.5;

    /// <summary>Share of conversation beginnings that are held out for evaluation, 0 to 0.9.</summary>
    public double EvalShare { get; init; } = 0.1;

    /// <summary>Chooses which conversations are replayed, which examples carry no quality, and which of the agents' are left out.</summary>
    public long Seed { get; init; }

    /// <summary>The time of the cut: nothing that came later counts. Null is now.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>The fields that this recipe uses besides recipe and until, by their JSON names.</summary>
    public static IReadOnlyList<string> FieldsOf(string recipe) => recipe switch
    {
        Recipes.Sft => ["min_score", .. Supervised],
        Recipes.Quality => ["untagged_share", .. Supervised],
        Recipes.Kto => Judged,
        _ => ["score_gap", .. Judged],
    };

    /// <summary>Reads a rule; unknown keys, keys that its recipe does not use, and impossible values are refused by name.</summary>
    /// <param name="recipe">What was chosen beside the rule; a rule that names another one is refused.</param>
    public static FreezeRule Parse(string json, string? recipe = null)
    {
        var rule = Json.Parse<FreezeRule>(json, "The freeze rule");
        var given = JsonNode.Parse(json)!.AsObject();
        if (recipe is not null && given.ContainsKey("recipe") && rule.Recipe != recipe)
            throw new MossInputException($"The freeze rule is for the recipe {rule.Recipe}, but {recipe} was asked for. Leave one of the two out.");
        rule = rule with { Recipe = recipe ?? rule.Recipe };
        rule.Check();
        if (given.Select(p => p.Key).FirstOrDefault(key => !rule.Uses(key)) is { } useless)
            throw new MossInputException(
                $"The recipe {rule.Recipe} does not use {useless}. Its freeze rule has the keys {string.Join(", ", FieldsOf(rule.Recipe))}. Leave {useless} out.");
        return rule;
    }

    /// <summary>The fields that the recipe uses; a default written out is the same rule.</summary>
    public string ToJson()
    {
        var all = JsonSerializer.SerializeToNode(this, Json.SnakeCase)!.AsObject();
        foreach (var key in all.Select(p => p.Key).Where(key => !Uses(key)).ToList()) all.Remove(key);
        return all.ToJsonString(Json.SnakeCase);
    }

    /// <summary>Refuses impossible values with a sentence.</summary>
    public void Check()
    {
        Recipes.Check(Recipe);
        Within("min_score", MinScore, 1, 5);
        Within("correction_repeat", CorrectionRepeat, 1, 1_000);
        Within("replay_share", ReplayShare, 0, 1);
        Within("replay_max", ReplayMax, 0, 10_000_000);
        Within("untagged_share", UntaggedShare, 0, 1);
        Within("score_gap", ScoreGap, 0.25, 4);
        Within("smallest_edit", SmallestEdit, 0, 1);
        Within("rater_cap", RaterCap, 1, 1_000_000);
        Within("agent_share", AgentShare, 0, 1);
        Within("eval_share", EvalShare, 0, 0.9);
    }

    private bool Uses(string key) => key is "recipe" or "until" || FieldsOf(Recipe).Contains(key);

    private static void Within(string name, double value, double least, double most)
    {
        if (!(value >= least && value <= most))
            throw new MossInputException(FormattableString.Invariant($"The freeze rule's {name} is {value}; it must be from {least} to {most}."));
    }
}
