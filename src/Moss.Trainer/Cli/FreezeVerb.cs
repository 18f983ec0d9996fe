using System.CommandLine;
using Moss.Data;
using Moss.Data.Datasets;
using Moss.Data.Training;

namespace Moss.Trainer.Cli;

/// <summary>`freeze`: cuts a dataset version from what was judged and imported.</summary>
internal static class FreezeVerb
{
    public static Command Create()
    {
        var name = new Option<string?>("--name") { Description = "Its name; v1, v2, … when left out." };
        var recipe = new Option<string?>("--recipe") { Description = $"What it is for: {string.Join(", ", Recipes.All)}; {Recipes.Sft} when left out." };
        var rule = new Option<string>("--rule") { Description = "JSON object of what differs from the default rule.", DefaultValueFactory = _ => "{}" };
        var preview = new Option<bool>("--preview") { Description = "Only say what it would hold." };
        return Session.Verb("freeze", "Freeze a dataset version.", name, recipe, rule, preview).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            var cut = FreezeRule.Parse(parsed.GetValue(rule)!, parsed.GetValue(recipe));
            if (parsed.GetValue(preview))
            {
                var counts = await session.Db.PreviewAsync(session.Project.Id, cut, cancellation);
                session.Print(counts, $"It would hold {Held(counts, cut.Recipe)}; {counts.NewJudgements:N0} judgements are new.{Length(counts)}");
                return 0;
            }
            var version = await session.Db.FreezeAsync(session.Project.Id, parsed.GetValue(name), cut, session.Person.Id, cancellation);
            var summary = FreezePreview.Parse(version.Summary!);
            session.Print(
                new
                {
                    id = version.Id, version.Name, version.Recipe, version.Sha256, train_examples = version.TrainCount, eval_examples = version.EvalCount,
                    judgements = version.JudgementCount, summary,
                },
                $"Dataset version {version.Name} ({version.Id}) for {version.Recipe}: {Held(summary, version.Recipe)}, " +
                $"resting on {version.JudgementCount:N0} judgements; SHA-256 {version.Sha256[..12]}….{Length(summary)}");
            return 0;
        });
    }

    private static string Held(FreezePreview counts, string recipe)
    {
        var parts = recipe switch
        {
            Recipes.Dpo or Recipes.Reward => $"preferences from corrections {counts.Corrections:N0}, comparisons {counts.Compared:N0}, rankings {counts.Ranked:N0}, ratings {counts.Rated:N0}",
            Recipes.Kto => $"{counts.Desirable:N0} desirable and {counts.Undesirable:N0} undesirable replies",
            _ => $"{counts.Corrections:N0} corrections, {counts.Rated:N0} rated replies, {counts.Replayed:N0} replayed conversations",
        };
        return $"{counts.Train:N0} examples to learn from and {counts.Eval:N0} held out: {parts}";
    }

    /// <summary>What a model that learned nothing but length would score; who reads an accuracy needs it beside it.</summary>
    private static string Length(FreezePreview counts) =>
        (counts.LongerWins is { } longer ? $" The longer reply is the chosen one in {longer}." : "") +
        (counts.LongerWinsHeldOut is { } heldOut ? $" Held out: {heldOut}." : "") +
        (counts.LengthCorrelation is { } r ? FormattableString.Invariant($" Correlation with length {r:0.00}.") : "");
}
