using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Training;

namespace Moss.Trainer.Training.Planning;

/// <summary>A run that nobody has started: what it would learn from, where it would begin, and how.</summary>
/// <param name="Train">Contents of the examples to learn, in order.</param>
/// <param name="Eval">Those held out.</param>
internal sealed record PlanQuestion(
    string Recipe, TuningSettings Settings, DatasetVersion Version, Checkpoint Base, IReadOnlyList<string> Train, IReadOnlyList<string> Eval, long Seed)
{
    public static async Task<PlanQuestion> ReadAsync(
        MossDbContext db, string recipe, string settings, Guid versionId, Guid checkpointId, long seed, CancellationToken cancellation)
    {
        var parsed = TuningSettings.Parse(recipe, settings);
        var version = await db.DatasetVersions.AsNoTracking().SingleAsync(v => v.Id == versionId, cancellation);
        if (version.Recipe != recipe) throw new MossInputException(
            $"Dataset version {version.Name} was frozen for the recipe {version.Recipe}, so a {recipe} run cannot learn from it. Freeze one with `freeze --recipe {recipe}`.");
        var checkpoint = await db.Checkpoints.AsNoTracking().SingleAsync(c => c.Id == checkpointId, cancellation);
        return new(recipe, parsed, version, checkpoint, await ContentsAsync(Split.Train), await ContentsAsync(Split.Eval), seed);

        Task<List<string>> ContentsAsync(Split split) => db.DatasetExamples.AsNoTracking()
            .Where(e => e.VersionId == versionId && e.Split == split).OrderBy(e => e.Ordinal).Select(e => e.Content).ToListAsync(cancellation);
    }
}
