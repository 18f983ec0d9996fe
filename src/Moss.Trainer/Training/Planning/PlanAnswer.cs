using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Training;
using Moss.Trainer.Local;

namespace Moss.Trainer.Training.Planning;

/// <summary>The inside of the planning process: reads the question, computes, writes the answer or why there is none.</summary>
internal static class PlanAnswer
{
    private const long DefaultSeed = 1; // what a run gets unless another is asked for; another order packs its batches a little differently

    public static async Task WriteAsync(Guid id, string connectionString, CancellationToken cancellation)
    {
        var installation = Installation.FromEnvironment();
        await using var db = MossData.Open(connectionString);
        var asked = await db.FindPlanAsync(id, cancellation) ?? throw new MossInputException($"There is no plan {id} to be made; answers are kept for a day.");
        var (result, error) = await AnswerAsync(db, asked, installation, cancellation);
        await db.AnswerPlanAsync(id, result, error, cancellation);
    }

    private static async Task<(string? Result, string? Error)> AnswerAsync(
        MossDbContext db, TrainingPlan asked, Installation installation, CancellationToken cancellation)
    {
        try
        {
            if (asked.ExampleOrdinal is not null) return ((await MaskPreviews.OfAsync(db, asked, installation.Checkpoints, cancellation)).ToJson(), null);
            var run = Run(asked.ProjectId, asked.Recipe, asked.Settings, asked.DatasetVersionId, asked.BaseCheckpointId, DefaultSeed);
            return ((await ComputeAsync(await RunPlan.OfAsync(db, run, cancellation), installation)).ToJson(), null);
        }
        catch (Exception e) when (e is MossInputException or InvalidDataException or ArgumentException or IOException)
        {
            return (null, e.Message);
        }
    }

    /// <summary>A run as it would be queued.</summary>
    public static TrainingRun Run(Guid project, string recipe, string settings, Guid version, Guid checkpoint, long seed) => new()
    {
        ProjectId = project, Recipe = recipe, Settings = settings, DatasetVersionId = version, BaseCheckpointId = checkpoint, Seed = seed,
        CreatedAt = TimeProvider.System.GetUtcNow(),
    };

    /// <summary>On a thread of its own, as tensors want it.</summary>
    public static Task<PlanResult> ComputeAsync(RunPlan run, Installation installation) => !Recipes.Teaches(run.Version.Recipe, run.Run.Recipe)
        ? throw new MossInputException($"Dataset version {run.Version.Name} was frozen for the recipe {run.Version.Recipe}, so a {run.Run.Recipe} run cannot learn from it. " +
            $"Freeze one with `freeze --recipe {run.Run.Recipe}`.")
        : OwnThread.RunAsync("plan", () => new Planner(run, installation.Checkpoints, installation.State).Plan());
}
