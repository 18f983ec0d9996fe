using Microsoft.EntityFrameworkCore;
using Moss.Data.Annotators;
using Moss.Data.Checkpoints;
using Moss.Data.Conversations;
using Moss.Data.Datasets;
using Moss.Data.Judgements;
using Moss.Data.Projects;
using Moss.Data.Training;

namespace Moss.EndToEnd.Tests;

/// <summary>A small tuning run on corrections, in a project of its own, and what can be seen of it from outside.</summary>
internal sealed class TuningRun
{
    public const int Steps = 60;
    private const int SaveEvery = 10, Corrections = 24;

    private readonly RunningMoss _moss;

    private TuningRun(RunningMoss moss, Guid id, string output) => (_moss, Id, Output) = (moss, id, output);

    public Guid Id { get; }

    /// <summary>Name and folder of the checkpoint to come.</summary>
    public string Output { get; }

    public string OutputFolder => Path.Combine(_moss.State, "checkpoints", Output);

    /// <summary>Where the run keeps its state while it is under way.</summary>
    public string Folder => Path.Combine(_moss.State, "runs", Id.ToString());

    /// <summary>The training child, or null while there is none.</summary>
    public int? Child => File.Exists(Path.Combine(Folder, "pid")) && int.TryParse(File.ReadAllText(Path.Combine(Folder, "pid")), out var id) && IsAlive(id) ? id : null;

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    public static Task<TuningRun> QueueAsync(RunningMoss moss, string project) => moss.WithAsync(async db =>
    {
        var now = TimeProvider.System.GetUtcNow();
        var where = await db.EnsureProjectAsync(project, now, Test);
        var who = await db.EnsureHumanAsync("Whoever corrects", now, Test);
        var starter = await db.Checkpoints.SingleAsync(c => c.Kind == CheckpointKind.Base, Test);
        for (var n = 0; n < Corrections; n++)
        {
            var question = $"What is the number of {project} {n}?";
            var conversation = await db.StartConversationAsync(Guid.CreateVersion7(), where.Id, ConversationOrigin.Human, question, "en", who.Id, null, null, Test);
            var asked = await db.SayAsync(Guid.CreateVersion7(), conversation.Id, null, question, who.Id, Test);
            var reply = Guid.CreateVersion7();
            await db.BeginReplyAsync(reply, conversation.Id, asked.Id, "", new Generation { MessageId = reply, CheckpointId = starter.Id }, Test);
            await db.EndReplyAsync(reply, "I do not know.", MessageState.Complete, new ReplyOutcome("stop", TotalMs: 1), Test);
            await db.CorrectAsync(reply, who.Id, Guid.CreateVersion7(), $"It is {n * n}.", null, null, null, Test);
        }
        var version = await db.FreezeAsync(where.Id, null, new FreezeRule(), who.Id, Test);
        var settings = new SftSettings { Steps = Steps, BatchSize = 4, MicroBatchSize = 4, MaxTokens = 128, CheckpointEvery = SaveEvery };
        var run = await db.QueueRunAsync(Guid.CreateVersion7(), where.Id, SftSettings.Recipe, settings.ToJson(), version.Id, starter.Id, 1, null, who.Id, null, Test);
        return new TuningRun(moss, run.Id, $"{run.Recipe}-{run.CreatedAt.UtcDateTime:yyyyMMdd-HHmmss}-{run.Id.ToString("N")[^6..]}");
    });

    public Task<TrainingRun> RowAsync() => _moss.WithAsync(db => db.TrainingRuns.AsNoTracking().SingleAsync(r => r.Id == Id, Test));

    /// <summary>Waits for a child that an earlier moment did not see, at a point of its work, and holds it there.</summary>
    public async Task<(int Child, RunningMoss.Held Held)> HoldChildAsync(string moment, int? notThis, Func<TrainingRun, bool> there)
    {
        (int Child, RunningMoss.Held Held)? found = null;
        await Eventually.HoldsAsync($"the training child is {moment}", async () =>
        {
            if (Child is not { } child || child == notThis || !there(await RowAsync())) return false;
            found = (child, new RunningMoss.Held(child));
            return true;
        }, _moss.Logs);
        var row = await RowAsync();
        if (row.State == RunState.Running && row.Step < Steps) return found!.Value;
        found!.Value.Held.Dispose();
        throw new InvalidOperationException($"The run was too quick to be caught while {moment}: {row.State} at step {row.Step}.");
    }

    /// <summary>Processes that work on this run, also those that nobody knows any more.</summary>
    public IEnumerable<string> Processes() => Directory.EnumerateDirectories("/proc").Select(Commandline).Where(c => c.Contains(Id.ToString(), StringComparison.Ordinal));

    private static string Commandline(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline")).Replace('\0', ' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ""; // not a process, or gone
        }
    }

    private bool IsAlive(int process) => Commandline($"/proc/{process}").Contains(Id.ToString(), StringComparison.Ordinal);
}
