using Microsoft.EntityFrameworkCore;
using Moss.Data.Judgements;

namespace Moss.Data.Training;

public static class TrainingQueries
{
    /// <summary>Runs that a worker may claim now: queued, or left by a worker whose lease is over; oldest first.</summary>
    public static Task<List<Guid>> ClaimableRunsAsync(this MossDbContext db, CancellationToken cancellation) =>
        db.Database.SqlQuery<Guid>($"""
            SELECT id AS "Value" FROM training_runs WHERE state = 'Queued' OR (state = 'Running' AND lease_until < now()) ORDER BY created_at, id
            """).ToListAsync(cancellation);

    /// <summary>The runs of a project, newest first.</summary>
    public static Task<List<TrainingRun>> RunsAsync(this MossDbContext db, Guid projectId, CancellationToken cancellation) =>
        db.TrainingRuns.AsNoTracking().Where(r => r.ProjectId == projectId)
            .OrderByDescending(r => r.CreatedAt).ThenByDescending(r => r.Id).ToListAsync(cancellation);

    /// <summary>One number of a run over its steps.</summary>
    public static async Task<List<(int Step, double Value)>> MetricsAsync(this MossDbContext db, Guid runId, string name, CancellationToken cancellation)
    {
        var rows = await db.TrainingMetrics.AsNoTracking().Where(m => m.RunId == runId && m.Name == name)
            .OrderBy(m => m.Step).Select(m => new { m.Step, m.Value }).ToListAsync(cancellation);
        return [.. rows.Select(r => (r.Step, r.Value))];
    }

    public static Task<List<TrainingSchedule>> SchedulesAsync(this MossDbContext db, Guid projectId, CancellationToken cancellation) =>
        db.TrainingSchedules.AsNoTracking().Where(s => s.ProjectId == projectId).OrderBy(s => s.CreatedAt).ToListAsync(cancellation);

    /// <summary>Judgements of the kinds that this recipe learns from, that came after its newest dataset version was cut, and that may teach.</summary>
    public static async Task<int> CountNewJudgementsAsync(this MossDbContext db, Guid projectId, string recipe, CancellationToken cancellation)
    {
        string[] others = recipe is Recipes.Sft or Recipes.Quality ? [] : [nameof(JudgementKind.Comparison), nameof(JudgementKind.Ranking)];
        return await db.Database.SqlQuery<int>($"""
            SELECT count(*)::int AS "Value"
            FROM judgements j
            JOIN messages m ON m.id = j.message_id
            JOIN conversations c ON c.id = m.conversation_id
            LEFT JOIN agent_runs r ON r.id = c.agent_run_id
            WHERE c.project_id = {projectId} AND (r.id IS NULL OR r.split = 'Train')
              AND (j.kind = 'Correction' OR j.kind = ANY({others}) OR (j.kind = 'Rating' AND j.attribute = {Rating.Overall}))
              AND NOT EXISTS (SELECT FROM judgements s WHERE s.supersedes_id = j.id)
              AND j.created_at > COALESCE((
                    SELECT max((v.query ->> 'until')::timestamptz) FROM dataset_versions v WHERE v.project_id = {projectId} AND v.recipe = {recipe}), '-infinity')
            """).SingleAsync(cancellation);
    }
}
