using System.CommandLine;
using Moss.Data;
using Moss.Data.Datasets;

namespace Moss.Trainer.Cli;

/// <summary>`freeze`: cuts a dataset version from what was judged and imported.</summary>
internal static class FreezeVerb
{
    public static Command Create()
    {
        var name = new Option<string?>("--name") { Description = "Its name; v1, v2, … when left out." };
        var rule = new Option<string>("--rule") { Description = "JSON object of what differs from the default rule.", DefaultValueFactory = _ => "{}" };
        var preview = new Option<bool>("--preview") { Description = "Only say what it would hold." };
        return Session.Verb("freeze", "Freeze a dataset version.", name, rule, preview).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            var cut = FreezeRule.Parse(parsed.GetValue(rule)!);
            if (parsed.GetValue(preview))
            {
                var counts = await session.Db.PreviewAsync(session.Project.Id, cut, cancellation);
                session.Print(counts, $"It would hold {counts.Train:N0} examples to learn from and {counts.Eval:N0} held out: {counts.Corrections:N0} corrections, " +
                    $"{counts.Rated:N0} rated replies, {counts.Replayed:N0} replayed conversations; {counts.NewJudgements:N0} judgements are new.");
                return 0;
            }
            var version = await session.Db.FreezeAsync(session.Project.Id, parsed.GetValue(name), cut, session.Person.Id, cancellation);
            session.Print(
                new { id = version.Id, version.Name, version.Sha256, train_examples = version.TrainCount, eval_examples = version.EvalCount, judgements = version.JudgementCount },
                $"Dataset version {version.Name} ({version.Id}): {version.TrainCount:N0} examples to learn from, {version.EvalCount:N0} held out, " +
                $"resting on {version.JudgementCount:N0} judgements; SHA-256 {version.Sha256[..12]}….");
            return 0;
        });
    }
}
