using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Moss.Data.Audit;
using Moss.Data.Datasets;
using Moss.Data.Training;
using Moss.Trainer.Dispatch;
using Moss.Trainer.Tests.Setup;

namespace Moss.Trainer.Tests.Dispatch;

public class SchedulesTests(PostgresServer server)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_due_time_is_acted_on_once_however_many_workers_look()
    {
        using var scene = await Scene.OpenAsync(server);
        for (var i = 0; i < 3; i++) await scene.CorrectAsync($"question {i}", $"answer {i}");
        var schedule = await ScheduleAsync(scene, "* * * * * *", minNew: 3);

        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Looker(scene).LookAsync(Test)));

        var run = Assert.Single(await scene.With(db => db.RunsAsync(scene.Project, Test)));
        Assert.Equal((RunState.Queued, (Guid?)schedule.Id, scene.Tiny.Id), (run.State, run.ScheduleId, run.BaseCheckpointId));
        Assert.Contains($"3 new judgements: queued run {run.Id} on dataset version v1", await OutcomeAsync(scene), StringComparison.Ordinal);

        await Task.Delay(1_100, Test); // the next due time: everything is in v1
        await Looker(scene).LookAsync(Test);
        Assert.Equal("0 new judgements, 3 are needed: nothing to do.", await OutcomeAsync(scene));
        Assert.Single(await scene.With(db => db.RunsAsync(scene.Project, Test)));
    }

    [Fact]
    public async Task Before_its_time_nothing_happens_and_what_it_found_is_said()
    {
        using var scene = await Scene.OpenAsync(server);
        await scene.CorrectAsync("question", "answer");
        await ScheduleAsync(scene, "0 0 1 1 *", minNew: 1);

        await Looker(scene).LookAsync(Test);

        Assert.Null(await OutcomeAsync(scene));
        Assert.Empty(await scene.With(db => db.RunsAsync(scene.Project, Test)));
    }

    [Fact]
    public async Task A_schedule_that_cannot_be_kept_says_why()
    {
        using var scene = await Scene.OpenAsync(server);
        await ScheduleAsync(scene, "* * 31 2 MON#9 *", minNew: 1);

        await Looker(scene).LookAsync(Test);

        Assert.StartsWith("The cron expression '* * 31 2 MON#9 *' cannot be read", await OutcomeAsync(scene), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_database_refuses_is_said_and_leaves_nothing_half_done()
    {
        using var scene = await Scene.OpenAsync(server);
        await scene.CorrectAsync("question", "answer");
        await ScheduleAsync(scene, "* * * * * *", minNew: 1);
        await scene.With(db => db.Database.ExecuteSqlRawAsync("""
            CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$;
            CREATE TRIGGER disk_full BEFORE INSERT ON training_runs FOR EACH ROW EXECUTE FUNCTION disk_full()
            """, Test));

        await Looker(scene).LookAsync(Test);

        Assert.Equal("The database refused it: 53100: disk full", await OutcomeAsync(scene));
        Assert.Empty(await scene.With(db => db.DatasetVersionsAsync(scene.Project, Test))); // frozen before, and taken back
        Assert.Null(await scene.With(db => db.VerifyAuditAsync(Test)));
    }

    [Theory]
    [InlineData("*/15 * * * *", "2026-11-24T10:07:00Z", "2026-11-24T10:15:00Z")]
    [InlineData("*/10 * * * * *", "2026-11-24T10:07:03Z", "2026-11-24T10:07:10Z")]
    [InlineData("0 3 * * 1", "2026-11-24T10:07:00Z", "2026-11-30T03:00:00Z")]
    public void Times_are_UTC_with_or_without_seconds(string cron, string after, string next) =>
        Assert.Equal(DateTimeOffset.Parse(next, null), Schedules.Next(cron, DateTimeOffset.Parse(after, null)));

    private static Schedules Looker(Scene scene) => new(scene, NullLogger<Schedules>.Instance);

    private static async Task<TrainingSchedule> ScheduleAsync(Scene scene, string cron, int minNew)
    {
        var schedule = await scene.With(db => db.SaveScheduleAsync(new TrainingSchedule
        {
            ProjectId = scene.Project, Recipe = SftSettings.Recipe, Settings = Scene.Quick.ToJson(), Cron = cron, MinNewJudgements = minNew,
            CreatedBy = scene.Person, CreatedAt = TimeProvider.System.GetUtcNow(),
        }, Test));
        await Task.Delay(1_100, Test); // so that a time of the expression lies between its making and now
        return schedule;
    }

    private static Task<string?> OutcomeAsync(Scene scene) => scene.With(db => db.TrainingSchedules.Select(s => s.LastOutcome).SingleAsync(Test));
}
