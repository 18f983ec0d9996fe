using Bunit;
using Microsoft.EntityFrameworkCore;
using Moss.Annotate.Features.Training;
using Moss.Annotate.Tests.Loop;
using Moss.Annotate.Tests.Setup;
using Moss.Data;
using Moss.Data.Training;

namespace Moss.Annotate.Tests.Training;

public sealed class ScheduleTests(PostgresServer server) : LoopTest(server)
{
    [Fact]
    public async Task A_schedule_is_made_shown_with_its_next_times_and_changed()
    {
        await Story.BeginAsync(Test);
        var page = Render<TrainingPage>();
        page.Press("schedule-new");
        page.Press("schedule-preset-weekly");
        page.Says("next-times", "Mon ");
        page.Type("schedule-min-new", "3");
        page.Press("schedule-save");
        page.Says("said", "saved");
        page.Says("schedule", "0 2 * * 1");
        page.Says("schedule-outcome", "not been due yet");
        var made = await With(db => db.TrainingSchedules.SingleAsync(Test));
        Assert.Equal((3, true, 0.0), (made.MinNewJudgements, made.Enabled, DeployRule.Parse(made.DeployIf)!.MaxEvalLossIncrease));

        page.Press("schedule-edit");
        page.Control("schedule-enabled").Change(false);
        page.Control("schedule-deploy-if").Change(false);
        page.Press("schedule-save");
        page.Says("schedule", "Paused");
        var changed = await With(db => db.TrainingSchedules.SingleAsync(Test));
        Assert.Equal((made.Id, false, null), (changed.Id, changed.Enabled, changed.DeployIf));
    }

    [Fact]
    public async Task A_cron_expression_that_cannot_be_read_is_refused_and_not_saved()
    {
        await Story.BeginAsync(Test);
        var page = Render<TrainingPage>();
        page.Press("schedule-new");
        page.Type("schedule-cron", "every night");
        page.Says("cron-wrong", "is not a cron expression: it has 2 fields");
        page.Type("schedule-cron", "0 99 * * *");
        page.Says("cron-wrong", "'0 99 * * *' is not a cron expression");
        page.Press("schedule-save");
        page.Says("schedule-refusal", "is not a cron expression");
        Assert.Equal(0, await With(db => db.TrainingSchedules.CountAsync(Test)));
    }

    [Fact]
    public async Task The_last_outcome_of_a_schedule_is_shown()
    {
        await Story.TellAsync(Test);
        var page = Render<TrainingPage>();
        page.Says("schedule-outcome", "12 new judgements, 20 are needed");
    }
}

public sealed class CronTimesTests
{
    private static readonly DateTimeOffset Tuesday = new(2026, 11, 24, 18, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Five_fields_are_minutes_and_six_begin_with_seconds()
    {
        Assert.Equal([Tuesday.AddHours(8), Tuesday.AddHours(32), Tuesday.AddHours(56)], CronTimes.Next("0 2 * * *", Tuesday, 3));
        Assert.Equal([Tuesday.AddSeconds(20), Tuesday.AddSeconds(40)], CronTimes.Next("*/20 * * * * *", Tuesday, 2));
    }

    [Fact]
    public void A_time_that_never_comes_is_refused() =>
        Assert.Contains("never due", Assert.Throws<MossInputException>(() => CronTimes.Next("0 0 30 2 *", Tuesday, 1)).Message, StringComparison.Ordinal);
}
