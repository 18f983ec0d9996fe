using Microsoft.EntityFrameworkCore;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Judgements;
using Moss.Data.Training;

namespace Moss.Data.Tests.Training;

public sealed class TrainingRunTests(Database database) : DatabaseTest(database)
{
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Of_twenty_workers_one_gets_the_run()
    {
        var run = await QueueAsync();
        Assert.Contains(run.Id, await Data.With(db => db.ClaimableRunsAsync(Test)));

        var attempts = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Data.With(db => db.TryClaimAsync(run.Id, Lease, Test))));

        Assert.Equal(1, Assert.Single(attempts.OfType<int>()));
        Assert.DoesNotContain(run.Id, await Data.With(db => db.ClaimableRunsAsync(Test)));
    }

    [Fact]
    public async Task A_worker_that_lost_its_lease_changes_nothing_and_one_checkpoint_is_published()
    {
        var run = await QueueAsync();
        await using var db = Data.CreateDbContext();
        var stale = (await db.TryClaimAsync(run.Id, TimeSpan.FromMilliseconds(1), Test))!.Value;
        await Task.Delay(20, Test);
        var fresh = (await db.TryClaimAsync(run.Id, Lease, Test))!.Value;

        Assert.False(await db.HeartbeatAsync(run.Id, stale, Lease, Test));
        Assert.False(await db.RecordStepAsync(run.Id, stale, 1, 10, new Dictionary<string, double> { ["loss"] = 9 }, Test));
        Assert.False(await db.EndAsync(run.Id, stale, RunState.Failed, "stale", Test));
        Assert.False(await db.PublishAsync(Database.NewCheckpoint("stale", run.BaseCheckpointId, run.Id), stale, Test));
        db.ChangeTracker.Clear();
        await db.ReleaseAsync(run.Id, stale, Test);
        await db.NoteAsync(run.Id, stale, "stale", Test);

        Assert.True(await db.RecordStepAsync(run.Id, fresh, 1, 10, new Dictionary<string, double> { ["loss"] = 2, ["eval_loss"] = 3 }, Test));
        Assert.True(await db.RecordStepAsync(run.Id, fresh, 1, 10, new Dictionary<string, double> { ["loss"] = 1.5 }, Test)); // trained again after a crash
        Assert.True(await db.PublishAsync(Database.NewCheckpoint("fresh", run.BaseCheckpointId, run.Id), fresh, Test));
        Assert.False(await Data.With(other => other.PublishAsync(Database.NewCheckpoint("twice", run.BaseCheckpointId, run.Id), fresh, Test)));

        var ended = await db.TrainingRuns.AsNoTracking().SingleAsync(r => r.Id == run.Id, Test);
        Assert.Equal((RunState.Succeeded, 2, 1, 10, null), (ended.State, ended.Attempt, ended.Step, ended.TotalSteps, ended.Note));
        Assert.Equal([(1, 1.5)], await db.MetricsAsync(run.Id, "loss", Test));
        Assert.Equal([(1, 3d)], await db.MetricsAsync(run.Id, "eval_loss", Test));
        Assert.StartsWith("fresh", Assert.Single(await db.Checkpoints.Where(c => c.TrainingRunId == run.Id).ToListAsync(Test)).Name);
    }

    [Fact]
    public async Task Canceling_ends_a_queued_run_and_stops_the_worker_of_a_running_one()
    {
        var (queued, running) = (await QueueAsync(), await QueueAsync());
        await using var db = Data.CreateDbContext();
        var attempt = (await db.TryClaimAsync(running.Id, Lease, Test))!.Value;

        Assert.True(await db.CancelAsync(queued.Id, Test));
        Assert.True(await db.CancelAsync(running.Id, Test));
        Assert.False(await db.HeartbeatAsync(running.Id, attempt, Lease, Test));
        Assert.False(await db.PublishAsync(Database.NewCheckpoint("late", running.BaseCheckpointId, running.Id), attempt, Test));
        Assert.True(await db.EndAsync(running.Id, attempt, RunState.Canceled, null, Test));
        Assert.False(await db.CancelAsync(running.Id, Test));
        Assert.Null(await db.TryClaimAsync(queued.Id, Lease, Test));
        Assert.All(await db.TrainingRuns.AsNoTracking().Where(r => r.Id == queued.Id || r.Id == running.Id).ToListAsync(Test),
            r => Assert.Equal(RunState.Canceled, r.State));
    }

    [Fact]
    public async Task Queueing_the_same_run_twenty_times_at_once_queues_it_once()
    {
        var (version, moss) = await VersionAsync();
        var id = Guid.CreateVersion7();
        var runs = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Data.With(db =>
            db.QueueRunAsync(id, version.ProjectId, "sft", """{"epochs": 2}""", version.Id, moss.Id, 3, """{"max_eval_loss_increase": 0.1}""", null, null, Test))));

        Assert.All(runs, r => Assert.Equal((id, 3L), (r.Id, r.Seed)));
        Assert.Single(await Data.With(db => db.RunsAsync(version.ProjectId, Test)));
        Assert.Equal(1, await Data.With(db => db.AuditLog.CountAsync(e => e.Details.Contains(id.ToString()), Test)));
    }

    [Theory]
    [InlineData("""{"epoch": 2}""", "epoch")]
    [InlineData("""{"epochs": 0}""", "epochs is 0")]
    [InlineData("""{"epochs": 1, "epochs": 2}""", "epochs")]
    [InlineData("""{"batch_size": 4, "micro_batch_size": 8}""", "micro_batch_size is 8")]
    [InlineData("""{"peak_learning_rate": "fast"}""", "peak_learning_rate")]
    [InlineData("[]", "JSON object")]
    public async Task A_setting_that_cannot_be_is_refused_before_it_waits_in_the_queue(string settings, string says)
    {
        var (version, moss) = await VersionAsync();
        var refusal = await Assert.ThrowsAsync<MossInputException>(() => Data.With(db =>
            db.QueueRunAsync(Guid.CreateVersion7(), version.ProjectId, "sft", settings, version.Id, moss.Id, 0, null, null, null, Test)));
        Assert.Contains(says, refusal.Message);
    }

    [Fact]
    public void Settings_that_are_left_out_keep_their_defaults_and_come_back_as_they_went()
    {
        Assert.Equal(new SftSettings(), SftSettings.Parse("{}"));
        var some = new SftSettings { Steps = 60, PeakLearningRate = 1.5e-5 };
        Assert.Equal(some, SftSettings.Parse(some.ToJson()));
        Assert.True(DeployRule.Parse("{}")!.Allows(2, 2));
        Assert.False(DeployRule.Parse("{}")!.Allows(2, double.NaN));
        Assert.False(new DeployRule { MaxEvalLossIncrease = -0.1 }.Allows(2, 1.95));
    }

    [Fact]
    public async Task New_judgements_are_those_after_the_newest_cut()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync(), await Data.CheckpointAsync());
        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "Q", "A");
        await using var db = Data.CreateDbContext();
        await db.RateAsync(reply.Id, ada.Id, Guid.NewGuid(), 5, null, null, Test);
        await db.RateAsync(reply.Id, ada.Id, Guid.NewGuid(), 1, null, null, Test, Rating.Check); // a check teaches nothing
        Assert.Equal(1, await db.CountNewJudgementsAsync(project.Id, "sft", Test));
        await db.FreezeAsync(project.Id, null, new FreezeRule { EvalShare = 0 }, null, Test);
        Assert.Equal(0, await db.CountNewJudgementsAsync(project.Id, "sft", Test));
        await db.CorrectAsync(reply.Id, ada.Id, Guid.NewGuid(), "B", null, null, null, Test);
        await db.RateAsync(reply.Id, ada.Id, Guid.NewGuid(), 2, null, null, Test);
        await db.RateAsync(reply.Id, ada.Id, Guid.NewGuid(), 3, null, null, Test);
        Assert.Equal(2, await db.CountNewJudgementsAsync(project.Id, "sft", Test));
    }

    [Fact]
    public async Task A_schedule_is_saved_and_changed_and_one_that_cannot_be_is_refused()
    {
        var project = await Data.ProjectAsync();
        var schedule = new TrainingSchedule
        {
            ProjectId = project.Id,
            Recipe = "sft",
            Settings = "{}",
            Cron = "0 3 * * *",
            MinNewJudgements = 5,
            CreatedAt = Database.Now,
        };
        await using var db = Data.CreateDbContext();
        await db.SaveScheduleAsync(schedule, Test);
        schedule.MinNewJudgements = 9;
        await db.SaveScheduleAsync(schedule, Test);

        Assert.Equal(9, Assert.Single(await db.SchedulesAsync(project.Id, Test)).MinNewJudgements);
        schedule.Cron = "daily";
        await Assert.ThrowsAsync<MossInputException>(() => db.SaveScheduleAsync(schedule, Test));
    }

    private async Task<TrainingRun> QueueAsync()
    {
        var (version, moss) = await VersionAsync();
        return await Data.With(db => db.QueueRunAsync(Guid.CreateVersion7(), version.ProjectId, "sft", "{}", version.Id, moss.Id, 0, null, null, null, Test));
    }

    private async Task<(DatasetVersion Version, Checkpoint Moss)> VersionAsync()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync(), await Data.CheckpointAsync());
        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "Q", "A");
        await Data.With(db => db.CorrectAsync(reply.Id, ada.Id, Guid.NewGuid(), "B", null, null, null, Test));
        return (await Data.With(db => db.FreezeAsync(project.Id, null, new FreezeRule(), null, Test)), moss);
    }
}
