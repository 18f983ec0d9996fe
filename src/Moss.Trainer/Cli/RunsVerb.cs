using System.CommandLine;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.AgentRuns;
using Moss.Data.Training;

namespace Moss.Trainer.Cli;

/// <summary>`runs`: the training and agent runs of a project, newest first; `cancel RUN` ends one.</summary>
internal static class RunsVerb
{
    public static Command Create() => Session.Verb("runs", "List training runs and agent runs.").Does(async (parsed, cancellation) =>
    {
        await using var session = await Session.OpenAsync(parsed, cancellation);
        foreach (var r in await session.Db.RunsAsync(session.Project.Id, cancellation))
            session.Print(
                new { kind = "training", run_id = r.Id, state = Word(r.State), r.Recipe, r.Step, r.TotalSteps, r.Attempt, r.CreatedAt, r.FinishedAt, checkpoint_id = r.OutputCheckpointId, r.Error, r.Note },
                $"{r.CreatedAt:u}  {r.Id}  {Word(r.State),-9}  {r.Recipe}, step {r.Step}{(r.TotalSteps is { } total ? $" of {total}" : "")}  {r.Error ?? r.Note}".TrimEnd());
        foreach (var r in await session.Db.AgentRunsAsync(session.Project.Id, cancellation))
            session.Print(
                new { kind = "agent", run_id = r.Id, state = Word(r.State), scenario = r.ScenarioName, r.Turn, r.TotalTurns, r.Attempt, r.ChecksPassed, r.ChecksFailed, r.StopReason, r.CreatedAt, r.FinishedAt, r.Error },
                $"{r.CreatedAt:u}  {r.Id}  {Word(r.State),-9}  {r.ScenarioName}, turn {r.Turn} of {r.TotalTurns}, {r.ChecksFailed} checks failed  {r.StopReason} {r.Error}".TrimEnd());
        return 0;
    });

    public static Command CreateCancel()
    {
        var run = new Argument<Guid>("run") { Description = "A training run or an agent run." };
        return Session.Verb("cancel", "Cancel a queued or running run.", run).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            var id = parsed.GetValue(run);
            var training = await session.Db.TrainingRuns.AnyAsync(r => r.Id == id, cancellation);
            if (!training && !await session.Db.AgentRuns.AnyAsync(r => r.Id == id, cancellation)) throw new MossInputException($"There is no run {id}.");
            if (!await (training ? session.Db.CancelAsync(id, cancellation) : session.Db.CancelAgentRunAsync(id, cancellation)))
                throw new MossInputException($"Run {id} had ended already; nothing was canceled.");
            session.Print(new { run_id = id, cancel_requested = true }, $"Run {id} is canceled; a worker that has it stops within its heartbeat.");
            return 0;
        });
    }

    private static string Word(RunState state) => state.ToString().ToLowerInvariant();
}
