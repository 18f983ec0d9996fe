using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Training;

namespace Moss.Annotate.Features.Training;

internal static class RunQueries
{
    private const int PaceOver = 21; // steps whose times give the pace

    /// <summary>The runs of a project, newest first, with names, losses and time left.</summary>
    public static async Task<List<RunRow>> RunRowsAsync(this MossDbContext db, Guid projectId, CancellationToken cancellation)
    {
        var rows = await (
            from r in db.TrainingRuns.AsNoTracking()
            where r.ProjectId == projectId
            join v in db.DatasetVersions on r.DatasetVersionId equals v.Id
            join b in db.Checkpoints on r.BaseCheckpointId equals b.Id
            orderby r.CreatedAt descending, r.Id descending
            select new
            {
                r, Version = v.Name, Base = b.Name,
                Output = db.Checkpoints.Where(c => c.Id == r.OutputCheckpointId).Select(c => c.Name).FirstOrDefault(),
                By = db.Annotators.Where(a => a.Id == r.RequestedBy).Select(a => a.DisplayName).FirstOrDefault(),
            }).ToListAsync(cancellation);
        var ids = rows.ConvertAll(r => r.r.Id);
        var eval = await db.EvalLossesAsync(ids, cancellation);
        var last = await db.LastLossesAsync(ids, cancellation);
        var result = new List<RunRow>(rows.Count);
        foreach (var row in rows)
        {
            var left = row.r is { State: RunState.Running, TotalSteps: { } total } ? await db.TimeLeftAsync(row.r.Id, total - row.r.Step, cancellation) : null;
            result.Add(new RunRow(
                row.r, row.Version, row.Base, row.Output, row.By, eval.GetValueOrDefault(row.r.Id), last.TryGetValue(row.r.Id, out var loss) ? loss : null, left)
            {
                Now = row.r.State == RunState.Running ? await db.NowAsync(row.r, cancellation) : [],
            });
        }
        return result;
    }

    /// <summary>The first and the last held-out loss of each run that measured any.</summary>
    public static async Task<Dictionary<Guid, LossChange>> EvalLossesAsync(this MossDbContext db, IReadOnlyCollection<Guid> runIds, CancellationToken cancellation)
    {
        var rows = await db.TrainingMetrics.AsNoTracking().Where(m => runIds.Contains(m.RunId) && m.Name == TrainingMetric.EvalLoss)
            .OrderBy(m => m.Step).Select(m => new { m.RunId, m.Value }).ToListAsync(cancellation);
        return rows.GroupBy(r => r.RunId).ToDictionary(g => g.Key, g => new LossChange(g.First().Value, g.Count() > 1 ? g.Last().Value : null));
    }

    /// <summary>A run's curve after a step, as it is shown: of its steps, and of what it holds out.</summary>
    public static async Task<(List<(int, double)> Line, List<(int, double)> Points)> CurveAfterAsync(
        this MossDbContext db, Guid runId, Measure measure, int step, CancellationToken cancellation)
    {
        var rows = await db.TrainingMetrics.AsNoTracking()
            .Where(m => m.RunId == runId && m.Step > step && (m.Name == measure.Name || m.Name == measure.HeldOut))
            .OrderBy(m => m.Step).Select(m => new { m.Step, m.Name, m.Value }).ToListAsync(cancellation);
        return ([.. rows.Where(r => r.Name == measure.Name).Select(r => (r.Step, r.Value * measure.Scale))],
            [.. rows.Where(r => r.Name == measure.HeldOut).Select(r => (r.Step, r.Value * measure.Scale))]);
    }

    /// <summary>The newest value of every number that a run's last steps recorded.</summary>
    private static async Task<Dictionary<string, double>> NowAsync(this MossDbContext db, TrainingRun run, CancellationToken cancellation)
    {
        var rows = await db.TrainingMetrics.AsNoTracking().Where(m => m.RunId == run.Id && m.Step >= run.Step)
            .OrderBy(m => m.Step).Select(m => new { m.Name, m.Value }).ToListAsync(cancellation);
        return rows.GroupBy(r => r.Name).ToDictionary(g => g.Key, g => g.Last().Value);
    }

    private static async Task<Dictionary<Guid, double>> LastLossesAsync(this MossDbContext db, List<Guid> runIds, CancellationToken cancellation) =>
        await db.Database.SqlQuery<RunLoss>($"""
            SELECT r.id AS run_id, m.value FROM unnest({runIds.ToArray()}) AS r (id)
            CROSS JOIN LATERAL (SELECT value FROM training_metrics WHERE run_id = r.id AND name = {TrainingMetric.Loss} ORDER BY step DESC LIMIT 1) m
            """).ToDictionaryAsync(r => r.RunId, r => r.Value, cancellation);

    private sealed record RunLoss(Guid RunId, double Value);

    /// <summary>Steps left times the median time of the newest steps: one pause, such as a restart, does not spoil it.</summary>
    private static async Task<TimeSpan?> TimeLeftAsync(this MossDbContext db, Guid runId, int stepsLeft, CancellationToken cancellation)
    {
        var newest = await db.TrainingMetrics.AsNoTracking().Where(m => m.RunId == runId && m.Name == TrainingMetric.Loss)
            .OrderByDescending(m => m.Step).Take(PaceOver).Select(m => new { m.Step, m.At }).ToListAsync(cancellation);
        var paces = newest.Zip(newest.Skip(1), (later, earlier) => (later.At - earlier.At) / Math.Max(1, later.Step - earlier.Step)).Order().ToList();
        return paces.Count < 2 ? null : paces[paces.Count / 2] * Math.Max(0, stepsLeft);
    }
}
