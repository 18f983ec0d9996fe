using Cronos;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Datasets;
using Moss.Data.Deployments;
using Moss.Data.Training;
using Npgsql;

namespace Moss.Trainer.Dispatch;

/// <summary>The standing orders: at their times, if enough new judgements came in, a dataset version is frozen and a run queued.</summary>
internal sealed class Schedules(IDbContextFactory<MossDbContext> factory, ILogger<Schedules> logger)
{
    public async Task LookAsync(CancellationToken cancellation)
    {
        await using var db = await factory.CreateDbContextAsync(cancellation);
        foreach (var id in await db.TrainingSchedules.Where(s => s.Enabled).OrderBy(s => s.Id).Select(s => s.Id).ToListAsync(cancellation))
            await LookAsync(id, cancellation);
    }

    /// <summary>One look, in one transaction on the locked row: however many workers look, a due time is acted on once.</summary>
    private async Task LookAsync(Guid id, CancellationToken cancellation)
    {
        await using var db = await factory.CreateDbContextAsync(cancellation);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        var locked = await db.TrainingSchedules
            .FromSql($"SELECT * FROM training_schedules WHERE id = {id} AND enabled FOR UPDATE SKIP LOCKED").AsNoTracking().ToListAsync(cancellation);
        if (locked is not [var schedule]) return; // another worker is at it

        var now = await db.Database.SqlQuery<DateTimeOffset>($"""SELECT now() AS "Value" """).SingleAsync(cancellation);
        string outcome;
        try
        {
            if (Next(schedule.Cron, schedule.LastLookAt ?? schedule.CreatedAt) is not { } due || due > now) return;
            outcome = await ActAsync(db, schedule, cancellation);
        }
        catch (CronFormatException e)
        {
            outcome = $"The cron expression '{schedule.Cron}' cannot be read: {e.Message}";
            if (outcome == schedule.LastOutcome) return;
        }
        catch (Exception e) when (e is MossInputException || (e is PostgresException && !Db.IsUnreachable(e)))
        {
            await transaction.DisposeAsync(); // all of it is taken back; a full disk has ended the connection too
            await FailedAsync(schedule, now, e is MossInputException ? e.Message : $"The database refused it: {e.Message}", cancellation);
            return;
        }
        await db.Database.ExecuteSqlAsync(
            $"UPDATE training_schedules SET last_look_at = {now}, last_outcome = {outcome} WHERE id = {id}", cancellation);
        await transaction.CommitAsync(cancellation);
        logger.LogInformation("Schedule {ScheduleId}: {Outcome}", id, outcome);
    }

    /// <summary>Says why where the schedule is shown; it is tried again at its next time.</summary>
    private async Task FailedAsync(TrainingSchedule schedule, DateTimeOffset now, string outcome, CancellationToken cancellation)
    {
        await using var db = await factory.CreateDbContextAsync(cancellation);
        await db.Database.ExecuteSqlAsync($"""
            UPDATE training_schedules SET last_look_at = {now}, last_outcome = {outcome}
            WHERE id = {schedule.Id} AND last_look_at IS NOT DISTINCT FROM {schedule.LastLookAt}
            """, cancellation);
        logger.LogWarning("Schedule {ScheduleId}: {Outcome}", schedule.Id, outcome);
    }

    private static async Task<string> ActAsync(MossDbContext db, TrainingSchedule schedule, CancellationToken cancellation)
    {
        var found = await db.CountNewJudgementsAsync(schedule.ProjectId, schedule.Recipe, cancellation);
        if (found < schedule.MinNewJudgements) return $"{found} new judgements, {schedule.MinNewJudgements} are needed: nothing to do.";
        if (await db.TrainingRuns.AnyAsync(r => r.ScheduleId == schedule.Id && (r.State == RunState.Queued || r.State == RunState.Running), cancellation))
            return $"{found} new judgements, but this schedule's last run is still under way.";
        if (await db.CurrentDeploymentAsync(Deployment.Champion, cancellation) is not var (_, champion))
            return "Nothing is deployed, so there is no checkpoint to start from.";

        var version = await db.FreezeAsync(schedule.ProjectId, null, new FreezeRule { Recipe = schedule.Recipe }, schedule.CreatedBy, cancellation);
        var run = Guid.CreateVersion7();
        await db.QueueRunAsync(
            run, schedule.ProjectId, schedule.Recipe, schedule.Settings, version.Id, champion.Id, seed: 1, schedule.DeployIf, schedule.CreatedBy, schedule.Id, cancellation);
        return $"{found} new judgements: queued run {run} on dataset version {version.Name}, starting from {champion.Name}.";
    }

    /// <summary>The next time after a given one, UTC; five fields, or six with seconds first.</summary>
    internal static DateTimeOffset? Next(string cron, DateTimeOffset after)
    {
        var seconds = cron.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length == 6;
        return CronExpression.Parse(cron, seconds ? CronFormat.IncludeSeconds : CronFormat.Standard).GetNextOccurrence(after, TimeZoneInfo.Utc);
    }
}
