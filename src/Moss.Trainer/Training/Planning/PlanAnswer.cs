using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Training;
using Moss.Trainer.Local;

namespace Moss.Trainer.Training.Planning;

/// <summary>The inside of the planning process: reads the question, computes, writes the answer or why there is none.</summary>
internal static class PlanAnswer
{
    private const long DefaultSeed = 1; // what a run gets unless another is asked for; no count depends on it

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
            var question = await PlanQuestion.ReadAsync(
                db, asked.Recipe, asked.Settings, asked.DatasetVersionId, asked.BaseCheckpointId, DefaultSeed, cancellation);
            return ((await ComputeAsync(question, installation)).ToJson(), null);
        }
        catch (Exception e) when (e is MossInputException or InvalidDataException or ArgumentException or IOException)
        {
            return (null, e.Message);
        }
    }

    /// <summary>On a thread of its own, as tensors want it.</summary>
    public static Task<PlanResult> ComputeAsync(PlanQuestion question, Installation installation) =>
        OwnThread.RunAsync("plan", () => new Planner(question, installation.Checkpoints, installation.State).Plan());
}
