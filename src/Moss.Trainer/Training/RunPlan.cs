using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Training;

namespace Moss.Trainer.Training;

/// <summary>Everything that a run needs to know before it touches a tensor, read from the database once.</summary>
internal sealed record RunPlan(
    TrainingRun Run, DatasetVersion Version, Checkpoint Base, SftSettings Settings, IReadOnlyList<DatasetContent> Train,
    IReadOnlyList<DatasetContent> Eval, double? EvalLossBefore, double? EvalLossAfter)
{
    /// <summary>Of the checkpoint and its folder: the run's time and the end of its id. The same for every attempt.</summary>
    public string OutputName => $"{Run.Recipe}-{Run.CreatedAt.UtcDateTime:yyyyMMdd-HHmmss}-{Run.Id.ToString("N")[^6..]}";

    public static async Task<RunPlan> ReadAsync(MossDbContext db, Guid runId, CancellationToken cancellation)
    {
        var run = await db.TrainingRuns.AsNoTracking().SingleOrDefaultAsync(r => r.Id == runId, cancellation)
            ?? throw new MossInputException($"There is no training run {runId}.");
        if (run.Recipe != SftSettings.Recipe)
            throw new MossInputException($"The recipe '{run.Recipe}' is not known here; it is {SftSettings.Recipe}. Queue the run again with a known recipe.");
        var version = await db.DatasetVersions.AsNoTracking().SingleAsync(v => v.Id == run.DatasetVersionId, cancellation);
        var start = await db.Checkpoints.AsNoTracking().SingleAsync(c => c.Id == run.BaseCheckpointId, cancellation);
        var evalLosses = await db.MetricsAsync(runId, TrainingMetric.EvalLoss, cancellation);
        return new RunPlan(
            run, version, start, SftSettings.Parse(run.Settings),
            await ContentsAsync(Split.Train), await ContentsAsync(Split.Eval),
            evalLosses.Where(m => m.Step == 0).Select(m => (double?)m.Value).FirstOrDefault(),
            evalLosses.Where(m => m.Step > 0).Select(m => (double?)m.Value).LastOrDefault());

        async Task<IReadOnlyList<DatasetContent>> ContentsAsync(Split split)
        {
            var contents = new List<DatasetContent>();
            await foreach (var example in db.ExamplesAsync(version.Id, split).WithCancellation(cancellation)) contents.Add(DatasetContent.Parse(example.Content));
            return contents;
        }
    }
}
