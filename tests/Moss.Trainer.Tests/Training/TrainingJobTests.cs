using Microsoft.EntityFrameworkCore;
using Moss.Data.Training;
using Moss.Trainer.Local;
using Moss.Trainer.Tests.Setup;
using Moss.Trainer.Training;

namespace Moss.Trainer.Tests.Training;

public class TrainingJobTests(PostgresServer server)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_job_delivered_twice_trains_once()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await scene.QueueAsync(await scene.FreezeAsync());
        var worker = new Worker(scene);

        await Task.WhenAll(worker.RunAsync(run.Id, Test), worker.RunAsync(run.Id, Test));
        await worker.RunAsync(run.Id, Test); // and once more when all is done

        Assert.Equal(1, worker.Starts);
        await AssertFinishedOnceAsync(scene, run.Id, steps: 12);
    }

    [Fact]
    public async Task A_run_killed_at_any_moment_goes_on_to_the_very_same_weights()
    {
        using var scene = await Scene.OpenAsync(server);
        var version = await scene.FreezeAsync(heldOut: true);
        var (whole, killed) = (await scene.QueueAsync(version, Scene.Slow), await scene.QueueAsync(version, Scene.Slow));
        var worker = new Worker(scene);
        var undisturbed = worker.RunAsync(whole.Id, Test);

        // While loading, between steps, and with the folder written but not published.
        await KillAsync(worker, killed.Id, _ => Task.CompletedTask);
        await KillAsync(worker, killed.Id, async child => await scene.UntilAsync(killed.Id, r => r.Step >= 60));
        await using (var hold = scene.CreateDbContext())
        {
            await using var transaction = await hold.Database.BeginTransactionAsync(Test);
            await hold.Database.ExecuteSqlRawAsync("LOCK TABLE checkpoints IN SHARE MODE", Test); // publishing waits for it
            await KillAsync(worker, killed.Id, async child =>
            {
                while (!Directory.Exists(Path.Combine(scene.Checkpoints, OutputName(killed)))) await Task.Delay(10, Test);
            }, () => transaction.RollbackAsync(Test));
        }
        Assert.Equal(RunState.Queued, (await scene.RunAsync(killed.Id)).State);
        await worker.RunAsync(killed.Id, Test);
        await undisturbed;

        await AssertFinishedOnceAsync(scene, killed.Id, steps: 400);
        Assert.Equal(4, (await scene.RunAsync(killed.Id)).Attempt);
        Assert.Equal(await WeightsAsync(scene, whole.Id), await WeightsAsync(scene, killed.Id));
        Assert.Equal(
            await scene.With(db => db.MetricsAsync(whole.Id, TrainingMetric.Loss, Test)), await scene.With(db => db.MetricsAsync(killed.Id, TrainingMetric.Loss, Test)));
    }

    [Fact]
    public async Task A_canceled_run_stops_and_publishes_nothing()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await scene.QueueAsync(await scene.FreezeAsync(), Scene.Slow with { Steps = 100_000 });
        var worker = new Worker(scene);
        var job = worker.RunAsync(run.Id, Test);
        await scene.UntilAsync(run.Id, r => r.Step > 5);

        Assert.True(await scene.With(db => db.CancelAsync(run.Id, Test)));
        await job;

        Assert.Equal((RunState.Canceled, null), (await scene.RunAsync(run.Id) is var r ? r.State : default, r.Error));
        Assert.False(await scene.With(db => db.Checkpoints.AnyAsync(c => c.TrainingRunId == run.Id, Test)));
        Assert.False(Directory.Exists(Path.Combine(scene.State, "runs", run.Id.ToString())));
    }

    [Fact]
    public async Task A_worker_that_shuts_down_hands_the_run_back_with_what_was_trained()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await scene.QueueAsync(await scene.FreezeAsync(), Scene.Slow with { CheckpointEvery = 10_000 });
        using var shutdown = new CancellationTokenSource();
        var worker = new Worker(scene);
        var job = worker.RunAsync(run.Id, shutdown.Token);
        var before = await scene.UntilAsync(run.Id, r => r.Step > 5);

        await shutdown.CancelAsync();
        await job;

        Assert.Equal((RunState.Queued, null), ((await scene.RunAsync(run.Id)).State, (await scene.RunAsync(run.Id)).LeaseUntil));
        Assert.True(new RunFolder(scene.State, run.Id).Newest() is { Step: var saved } && saved >= before.Step);
        await worker.RunAsync(run.Id, Test);
        await AssertFinishedOnceAsync(scene, run.Id, steps: 400);
    }

    [Fact]
    public async Task A_training_process_that_stops_by_itself_costs_its_run_nothing()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await scene.QueueAsync(await scene.FreezeAsync(), Scene.Slow);
        var worker = new Worker(scene);
        var job = worker.RunAsync(run.Id, Test);
        using (var child = await worker.ChildAsync(run.Id, job))
        {
            await scene.UntilAsync(run.Id, r => r.Step > 5);
            await LiveProcess.SignalAsync(child.Id, "TERM", Test); // as a system that shuts down does
        }
        await job;

        run = await scene.RunAsync(run.Id);
        Assert.True(run.State == RunState.Queued, $"{run.State}: {run.Error}");
        await worker.RunAsync(run.Id, Test);
        await AssertFinishedOnceAsync(scene, run.Id, steps: 400);
    }

    [Fact]
    public async Task A_child_whose_claim_was_taken_over_publishes_nothing()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await scene.QueueAsync(await scene.FreezeAsync());
        var stale = await scene.With(db => db.TryClaimAsync(run.Id, TimeSpan.Zero, Test));
        await Task.Delay(10, Test);
        var newer = await scene.With(db => db.TryClaimAsync(run.Id, TimeSpan.FromMinutes(5), Test));
        Assert.Equal((1, 2), (stale, newer));

        using var child = TrainingChild.Start(run.Id, stale!.Value, TrainerProcess.Variables(scene), _ => { });

        Assert.Equal((int)ChildExit.Lost, await child.Ended);
        Assert.Equal((RunState.Running, 2, 0), (await scene.RunAsync(run.Id) is var r ? r.State : default, r.Attempt, r.Step));
        Assert.False(await scene.With(db => db.Checkpoints.AnyAsync(c => c.TrainingRunId == run.Id, Test)));
    }

    [Fact]
    public async Task A_run_that_dies_five_times_in_one_place_is_given_up()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await scene.QueueAsync(await scene.FreezeAsync());
        var folder = new RunFolder(scene.State, run.Id);
        for (var attempt = 1; attempt <= RunFolder.MaxAttemptsWithoutProgress; attempt++) Assert.True(folder.BeginAttempt(attempt));
        var worker = new Worker(scene);

        await worker.RunAsync(run.Id, Test);

        var failed = await scene.RunAsync(run.Id);
        Assert.Equal((RunState.Failed, 0), (failed.State, worker.Starts));
        Assert.Contains("died 5 times at step 0", failed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_makes_a_run_impossible_is_said_in_a_sentence()
    {
        using var scene = await Scene.OpenAsync(server);
        var version = await scene.FreezeAsync();
        var worker = new Worker(scene);

        var tooLong = await scene.QueueAsync(version, Scene.Quick with { MaxTokens = 16 });
        await worker.RunAsync(tooLong.Id, Test);
        var weights = Path.Combine(scene.Checkpoints, "tiny", "model.safetensors");
        var bytes = await File.ReadAllBytesAsync(weights, Test);
        bytes[^5] ^= 1;
        await File.WriteAllBytesAsync(weights, bytes, Test);
        var damaged = await scene.QueueAsync(version);
        await worker.RunAsync(damaged.Id, Test);

        Assert.Contains("none fits into 16 tokens", await ErrorAsync(tooLong.Id), StringComparison.Ordinal);
        Assert.Contains("model.safetensors", await ErrorAsync(damaged.Id), StringComparison.Ordinal);

        async Task<string?> ErrorAsync(Guid id) => (await scene.RunAsync(id)) is { State: RunState.Failed } r ? r.Error : null;
    }

    private static string OutputName(TrainingRun run) => $"sft-{run.CreatedAt.UtcDateTime:yyyyMMdd-HHmmss}-{run.Id.ToString("N")[^6..]}";

    private static async Task KillAsync(Worker worker, Guid run, Func<System.Diagnostics.Process, Task> when, Func<Task>? then = null)
    {
        var job = worker.RunAsync(run, Test);
        using var child = await worker.ChildAsync(run, job);
        await when(child);
        child.Kill();
        if (then is not null) await then();
        await job;
    }

    private static async Task AssertFinishedOnceAsync(Scene scene, Guid id, int steps)
    {
        var run = await scene.RunAsync(id);
        Assert.True(run.State == RunState.Succeeded, $"{run.State}: {run.Error}");
        Assert.Equal(1, await scene.With(db => db.Checkpoints.CountAsync(c => c.TrainingRunId == id, Test)));
        Assert.Equal(Enumerable.Range(1, steps), (await scene.With(db => db.MetricsAsync(id, TrainingMetric.Loss, Test))).Select(m => m.Step));
        Assert.False(Directory.Exists(Path.Combine(scene.State, "runs", id.ToString())));
    }

    private static async Task<byte[]> WeightsAsync(Scene scene, Guid run)
    {
        var made = await scene.With(db => db.Checkpoints.SingleAsync(c => c.TrainingRunId == run, Test));
        return await File.ReadAllBytesAsync(Path.Combine(scene.Checkpoints, made.Folder, "model.safetensors"), Test);
    }
}
