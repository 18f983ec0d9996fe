using Microsoft.EntityFrameworkCore;
using Moss.Data.Audit;

namespace Moss.Data.Training;

public static class TrainingRequests
{
    /// <summary>Asks for a run, once per id. Settings and the deploy rule are checked here, so a typo never waits in the queue.</summary>
    public static async Task<TrainingRun> QueueRunAsync(
        this MossDbContext db, Guid id, Guid projectId, string recipe, string settings, Guid datasetVersionId, Guid baseCheckpointId,
        long seed, string? deployIf, Guid? by, Guid? scheduleId, CancellationToken cancellation)
    {
        CheckRecipe(recipe, settings, deployIf);
        var version = await db.DatasetVersions.AsNoTracking().SingleOrDefaultAsync(v => v.Id == datasetVersionId && v.ProjectId == projectId, cancellation)
            ?? throw new MossInputException($"There is no dataset version {datasetVersionId} in this project. Freeze one first.");
        if (version.Recipe != recipe)
            throw new MossInputException($"Dataset version {version.Name} was frozen for the recipe {version.Recipe}, so a {recipe} run cannot learn from it. Freeze one with `freeze --recipe {recipe}`.");
        if (!await db.Checkpoints.AnyAsync(c => c.Id == baseCheckpointId, cancellation))
            throw new MossInputException($"There is no checkpoint {baseCheckpointId} to start from.");

        return await db.InTransactionAsync(async () =>
        {
            var added = await db.Database.ExecuteSqlAsync($"""
                INSERT INTO training_runs (id, project_id, state, recipe, settings, dataset_version_id, base_checkpoint_id, seed, attempt, step,
                    schedule_id, requested_by, deploy_if, created_at)
                VALUES ({id}, {projectId}, 'Queued', {recipe}, {settings}::jsonb, {datasetVersionId}, {baseCheckpointId}, {seed}, 0, 0,
                    {scheduleId}, {by}, {deployIf}::jsonb, clock_timestamp())
                ON CONFLICT (id) DO NOTHING
                """, cancellation);
            if (added == 1)
            {
                var who = await db.WhoAsync(by, "schedule", cancellation);
                await db.AuditAsync(who, "queued", $"{recipe} run on {version.Name}", new { run_id = id, dataset = version.Name, settings }, cancellation);
            }
            return await db.TrainingRuns.AsNoTracking().SingleAsync(r => r.Id == id, cancellation);
        }, cancellation);
    }

    /// <summary>Makes or changes a schedule (by its id).</summary>
    public static async Task<TrainingSchedule> SaveScheduleAsync(this MossDbContext db, TrainingSchedule schedule, CancellationToken cancellation)
    {
        CheckRecipe(schedule.Recipe, schedule.Settings, schedule.DeployIf);
        if (schedule.MinNewJudgements < 1) throw new MossInputException("A schedule needs at least 1 new judgement before it trains.");
        if (schedule.Cron.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length is not (5 or 6) || schedule.Cron.Length > 64)
            throw new MossInputException($"'{schedule.Cron}' is not a cron expression: five fields (minute hour day month weekday), or six with seconds first.");
        return await db.InTransactionAsync(async () =>
        {
            var s = schedule;
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO training_schedules (id, project_id, recipe, settings, cron, min_new_judgements, deploy_if, enabled, created_by, created_at)
                VALUES ({s.Id}, {s.ProjectId}, {s.Recipe}, {s.Settings}::jsonb, {s.Cron}, {s.MinNewJudgements}, {s.DeployIf}::jsonb, {s.Enabled}, {s.CreatedBy}, clock_timestamp())
                ON CONFLICT (id) DO UPDATE SET settings = excluded.settings, cron = excluded.cron, min_new_judgements = excluded.min_new_judgements,
                    deploy_if = excluded.deploy_if, enabled = excluded.enabled
                """, cancellation);
            var who = await db.WhoAsync(s.CreatedBy, "command line", cancellation);
            await db.AuditAsync(who, "scheduled", $"{s.Recipe} {s.Cron}", new { schedule_id = s.Id, s.Enabled, s.MinNewJudgements, s.DeployIf }, cancellation);
            return await db.TrainingSchedules.AsNoTracking().SingleAsync(x => x.Id == s.Id, cancellation);
        }, cancellation);
    }

    private static void CheckRecipe(string recipe, string settings, string? deployIf)
    {
        Recipes.Check(recipe);
        if (recipe != SftSettings.Recipe)
            throw new MossInputException($"The recipe {recipe} has dataset versions but cannot be trained yet; {SftSettings.Recipe} can. Export the version to train elsewhere.");
        SftSettings.Parse(settings);
        DeployRule.Parse(deployIf);
    }
}
