using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Training;

namespace Moss.Trainer.Training;

/// <summary>Everything that a run needs to know before it touches a tensor, read from the database once.</summary>
internal sealed record RunPlan(
    TrainingRun Run, DatasetVersion Version, Checkpoint Base, TuningSettings Settings, IReadOnlyList<IExampleContent> Train,
    IReadOnlyList<IExampleContent> Eval, double? EvalLossBefore, double? EvalLossAfter)
{
    /// <summary>Of the checkpoint and its folder: the run's time and the end of its id. The same for every attempt.</summary>
    public string OutputName => $"{Run.Recipe}-{Run.CreatedAt.UtcDateTime:yyyyMMdd-HHmmss}-{Run.Id.ToString("N")[^6..]}";

    /// <summary>Whether the result is told apart from its base by an adapter beside it.</summary>
    public CheckpointKind OutputKind => Settings.LoraRank > 0 && Run.Recipe != Recipes.Reward ? CheckpointKind.Lora : CheckpointKind.Full;

    public static async Task<RunPlan> ReadAsync(MossDbContext db, Guid runId, CancellationToken cancellation)
    {
        var run = await db.TrainingRuns.AsNoTracking().SingleOrDefaultAsync(r => r.Id == runId, cancellation)
            ?? throw new MossInputException($"There is no training run {runId}.");
        return await OfAsync(db, run, cancellation);
    }

    /// <summary>The same of a run that need not be stored: what it would do.</summary>
    public static async Task<RunPlan> OfAsync(MossDbContext db, TrainingRun run, CancellationToken cancellation)
    {
        var version = await db.DatasetVersions.AsNoTracking().SingleAsync(v => v.Id == run.DatasetVersionId, cancellation);
        var start = await db.Checkpoints.AsNoTracking().SingleAsync(c => c.Id == run.BaseCheckpointId, cancellation);
        var evalLosses = await db.MetricsAsync(run.Id, TrainingMetric.EvalLoss, cancellation);
        return new RunPlan(
            run, version, start, TuningSettings.Parse(run.Recipe, run.Settings),
            await ContentsAsync(Split.Train), await ContentsAsync(Split.Eval),
            evalLosses.Where(m => m.Step == 0).Select(m => (double?)m.Value).FirstOrDefault(),
            evalLosses.Where(m => m.Step > 0).Select(m => (double?)m.Value).LastOrDefault());

        async Task<IReadOnlyList<IExampleContent>> ContentsAsync(Split split)
        {
            var contents = new List<IExampleContent>();
            await foreach (var example in db.ExamplesAsync(version.Id, split).WithCancellation(cancellation)) contents.Add(Content(version.Recipe, example.Content));
            return contents;
        }
    }

    internal static IExampleContent Content(string recipe, string json) => recipe switch
    {
        Recipes.Dpo or Recipes.Reward => PreferenceContent.Parse(json),
        Recipes.Kto => DesirableContent.Parse(json),
        _ => DatasetContent.Parse(json),
    };
}
