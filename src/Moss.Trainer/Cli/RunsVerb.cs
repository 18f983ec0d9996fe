using System.CommandLine;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.AgentRuns;
using Moss.Data.Training;
using Moss.Trainer.Local;
using Moss.Trainer.Training.Watching;

namespace Moss.Trainer.Cli;

/// <summary>`runs`: the training and agent runs of a project, newest first; `cancel RUN` ends one.</summary>
internal static class RunsVerb
{
    public static Command Create()
    {
        var one = new Argument<Guid?>("run") { Description = "One training run; all runs of the project when left out.", Arity = ArgumentArity.ZeroOrOne };
        var follow = new Option<bool>("--follow") { Description = "Follow the run to its end; with --json, one line per step." };
        var board = new Option<bool>("--tensorboard") { Description = "Say where the run's TensorBoard files are, and how to open them." };
        return Session.Verb("runs", "List training runs and agent runs, or look at one.", one, follow, board).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            if (parsed.GetValue(one) is not { } id)
            {
                if (parsed.GetValue(follow) || parsed.GetValue(board)) throw new MossInputException("Name the run: `runs RUN --follow`. `runs` lists them.");
                await ListAsync(session, cancellation);
                return 0;
            }
            var run = await session.Db.TrainingRuns.AsNoTracking().SingleOrDefaultAsync(r => r.Id == id, cancellation)
                ?? throw new MossInputException($"There is no training run {id}. `runs` lists them.");
            if (parsed.GetValue(board)) PrintBoard(session, id);
            else if (parsed.GetValue(follow)) return await FollowedRun.ToItsEndAsync(session, id, cancellation);
            else Print(session, run);
            return 0;
        });
    }

    private static async Task ListAsync(Session session, CancellationToken cancellation)
    {
        foreach (var r in await session.Db.RunsAsync(session.Project.Id, cancellation)) Print(session, r);
        foreach (var r in await session.Db.AgentRunsAsync(session.Project.Id, cancellation))
            session.Print(
                new { kind = "agent", run_id = r.Id, state = Word(r.State), scenario = r.ScenarioName, r.Turn, r.TotalTurns, r.Attempt, r.ChecksPassed, r.ChecksFailed, r.StopReason, r.CreatedAt, r.FinishedAt, r.Error },
                $"{r.CreatedAt:u}  {r.Id}  {Word(r.State),-9}  {r.ScenarioName}, turn {r.Turn} of {r.TotalTurns}, {r.ChecksFailed} checks failed  {r.StopReason} {r.Error}".TrimEnd());
    }

    private static void Print(Session session, TrainingRun r) => session.Print(
        new { kind = "training", run_id = r.Id, state = Word(r.State), r.Recipe, r.Step, r.TotalSteps, r.Attempt, r.CreatedAt, r.FinishedAt, checkpoint_id = r.OutputCheckpointId, r.Error, r.Note },
        $"{r.CreatedAt:u}  {r.Id}  {Word(r.State),-9}  {r.Recipe}, step {r.Step}{(r.TotalSteps is { } total ? $" of {total}" : "")}  {r.Error ?? r.Note}".TrimEnd());

    private static void PrintBoard(Session session, Guid id)
    {
        var state = Installation.FromEnvironment().State;
        var (folder, all) = (EventFile.FolderOf(state, id), EventFile.AllOf(state));
        if (!Directory.Exists(folder)) throw new MossInputException(
            $"Run {id} has written no numbers on this machine yet; its files would be in '{folder}'. They are written where `work` runs.");
        session.Print(new { run_id = id, folder, all_runs = all },
            $"{folder}\nOpen it with `tensorboard --logdir {folder}`, or all runs together with `tensorboard --logdir {all}` (pip install tensorboard).");
    }

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
