using Microsoft.EntityFrameworkCore;

namespace Moss.Data.Training;

public static class PlanRequests
{
    /// <summary>PostgreSQL channel that names each new question; workers listen.</summary>
    public const string AskedChannel = "moss_plans";

    /// <summary>Answers older than this are thrown away: they speak of a machine as it was.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(1);

    /// <summary>Asks, once per id. The settings are checked when the answer is computed, with the words that a run would get.</summary>
    public static async Task AskPlanAsync(
        this MossDbContext db, Guid id, Guid projectId, string recipe, string settings, Guid datasetVersionId, Guid baseCheckpointId,
        int? exampleOrdinal, Guid? by, CancellationToken cancellation)
    {
        Recipes.Check(recipe);
        await db.InTransactionAsync(async () =>
        {
            await db.Database.ExecuteSqlAsync($"DELETE FROM training_plans WHERE created_at < now() - {Kept}", cancellation);
            var added = await db.Database.ExecuteSqlAsync($"""
                INSERT INTO training_plans (id, project_id, recipe, settings, dataset_version_id, base_checkpoint_id, example_ordinal, requested_by, created_at)
                VALUES ({id}, {projectId}, {recipe}, {settings}::jsonb, {datasetVersionId}, {baseCheckpointId}, {exampleOrdinal}, {by}, clock_timestamp())
                ON CONFLICT (id) DO NOTHING
                """, cancellation);
            if (added == 1) await db.Database.ExecuteSqlAsync($"SELECT pg_notify({AskedChannel}, {id.ToString()})", cancellation);
            return added;
        }, cancellation);
    }

    /// <summary>The row as it is now; null when it was thrown away.</summary>
    public static Task<TrainingPlan?> FindPlanAsync(this MossDbContext db, Guid id, CancellationToken cancellation) =>
        db.TrainingPlans.AsNoTracking().SingleOrDefaultAsync(p => p.Id == id, cancellation);

    /// <summary>Questions without an answer, oldest first.</summary>
    public static Task<List<Guid>> OpenPlansAsync(this MossDbContext db, CancellationToken cancellation) =>
        db.TrainingPlans.Where(p => p.ComputedAt == null).OrderBy(p => p.CreatedAt).Select(p => p.Id).ToListAsync(cancellation);

    /// <summary>Writes the answer, or why there is none. False when somebody else had answered, or the question is gone.</summary>
    public static async Task<bool> AnswerPlanAsync(this MossDbContext db, Guid id, string? result, string? error, CancellationToken cancellation) =>
        await db.Database.ExecuteSqlAsync($"""
            UPDATE training_plans SET result = {result}::jsonb, error = {error}, computed_at = now() WHERE id = {id} AND computed_at IS NULL
            """, cancellation) == 1;
}
