using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Deployments;
using Moss.Data.Training;

namespace Moss.Trainer.Training;

/// <summary>Makes the written folder a checkpoint, ends the run, and deploys it if the run's rule allows: all in one transaction.</summary>
internal static class Publishing
{
    /// <returns>False when the attempt no longer holds the run; then nothing is written.</returns>
    public static async Task<bool> PublishAsync(MossDbContext db, RunPlan plan, PassResult result, int attempt, CancellationToken cancellation)
    {
        var checkpoint = new Checkpoint
        {
            Name = plan.OutputName, ParentId = plan.Base.Id, TrainingRunId = plan.Run.Id, Kind = plan.OutputKind, Family = result.Family,
            Folder = plan.OutputName, ManifestSha256 = result.ManifestSha256, TemplateSha256 = result.TemplateSha256,
            CreatedAt = TimeProvider.System.GetUtcNow(),
        };
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        if (!await db.PublishAsync(checkpoint, attempt, cancellation))
        {
            await transaction.RollbackAsync(cancellation);
            // The answer to an earlier try may have been lost on its way to us.
            return await db.Checkpoints.AnyAsync(c => c.TrainingRunId == plan.Run.Id && c.ManifestSha256 == result.ManifestSha256, cancellation);
        }
        var (deploy, why) = Gate(plan, result);
        if (deploy) await db.DeployAsync(Deployment.Champion, checkpoint.Id, why!, plan.Run.RequestedBy, cancellation);
        else if (why is not null) await db.AddNoteAsync(plan.Run.Id, attempt, why, cancellation);
        await transaction.CommitAsync(cancellation);
        return true;
    }

    private static string Unit(RunPlan plan) => plan.Run.Recipe is Recipes.Sft or Recipes.Quality ? "nats per token" : "per example";

    /// <summary>Whether the rule holds, and the reason in words; no rule, no reason.</summary>
    internal static (bool Deploy, string? Why) Gate(RunPlan plan, PassResult result)
    {
        if (DeployRule.Parse(plan.Run.DeployIf) is not { } rule) return (false, null);
        if (result is not { EvalLossBefore: { } before, EvalLossAfter: { } after })
            return (false, $"Not deployed by itself: dataset version {plan.Version.Name} has no held-out examples, so nothing shows that the result is no worse.");
        var figures = string.Create(CultureInfo.InvariantCulture,
            $"held-out loss {before:F4} before, {after:F4} after, allowed rise {rule.MaxEvalLossIncrease:G4} ({Unit(plan)})");
        return rule.Allows(before, after)
            ? (true, $"{(plan.Run.ScheduleId is null ? "Run" : "Scheduled run")} on {plan.Version.Name}: {figures}.")
            : (false, $"Not deployed by itself: {figures}.");
    }
}
