using System.CommandLine;
using Moss.Data;
using Moss.Data.AgentRuns;
using Moss.Data.Training;
using Moss.Trainer.AgentRuns;

namespace Moss.Trainer.Cli;

/// <summary>`dialogue FILE`: asks for an agent run of a scenario and follows it; with --dry-run only reads the file.</summary>
internal static class DialogueVerb
{
    private const int AssumedReplyTokens = 256; // where the scenario does not cap a reply

    public static Command Create()
    {
        var file = new Argument<FileInfo>("scenario") { Description = $"A {ScenarioFile.Schema} file." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Check the file and say what it would do; send nothing." };
        return Session.FollowingVerb("dialogue", "Carry out a scripted scenario.", file, dryRun).Does(async (parsed, cancellation) =>
        {
            var path = parsed.GetValue(file)!;
            if (!path.Exists) throw new MossInputException($"There is no file '{path.FullName}'.");
            var text = await File.ReadAllTextAsync(path.FullName, cancellation);
            Scenario scenario;
            try
            {
                scenario = ScenarioFile.Read(text);
            }
            catch (MossInputException e)
            {
                throw new MossInputException($"{path.Name}: {e.Message}", e);
            }
            if (parsed.GetValue(dryRun)) return DryRun(scenario, parsed);

            await using var session = await Session.OpenAsync(parsed, cancellation);
            var run = await session.Db.QueueScenarioAsync(
                Guid.CreateVersion7(), session.Project.Id, text, seed: null, session.Person.Id, cancellation);
            session.Print(
                new { agent_run_id = run.Id, state = "queued", scenario = scenario.Name, scenario.Sha256, turns = scenario.Turns.Count },
                $"Agent run {run.Id} of {scenario.Name} is queued: {scenario.Turns.Count} turns.");
            return session.Detach ? 0 : await FollowAsync(session, run.Id, cancellation);
        });
    }

    private static int DryRun(Scenario scenario, ParseResult parsed)
    {
        var checks = scenario.Turns.Sum(t => t.Expect.Count);
        // An upper bound without the model's tokenizer: a token is at least one UTF-8 byte, and each turn sends all before it again.
        var reply = scenario.Target.Sampling.MaxOutputTokens ?? AssumedReplyTokens;
        var (said, most) = (System.Text.Encoding.UTF8.GetByteCount(scenario.Target.System ?? ""), 0L);
        foreach (var turn in scenario.Turns)
        {
            said += System.Text.Encoding.UTF8.GetByteCount(turn.User);
            most += said + reply;
            said += reply;
        }
        Session.PrintWithout(parsed,
            new { scenario = scenario.Name, scenario.Sha256, dialogues = 1, turns = scenario.Turns.Count, checks, most_tokens = most, cost_usd = 0, target = scenario.Target.Model },
            $"{scenario.Name} ({scenario.Sha256[..12]}…): 1 dialogue with {scenario.Target.Model}, {scenario.Turns.Count} turns, {checks} checks, at most {most:N0} tokens, cost 0. Nothing was sent.");
        return 0;
    }

    private static async Task<int> FollowAsync(Session session, Guid id, CancellationToken cancellation)
    {
        var run = await Following.AgentRunAsync(session.Db, id, new ProgressBar(TimeProvider.System), TimeProvider.System, cancellation);
        session.Print(
            new
            {
                agent_run_id = id, state = run.State.ToString().ToLowerInvariant(), run.StopReason, turns = run.Turn, checks_passed = run.ChecksPassed,
                checks_failed = run.ChecksFailed, run.Error,
            },
            $"The agent run is {run.State.ToString().ToLowerInvariant()} ({run.StopReason}) after {run.Turn} turns: {run.ChecksPassed} checks passed, {run.ChecksFailed} failed. {run.Error}".TrimEnd());
        return run.State == RunState.Succeeded ? 0 : 1;
    }
}
