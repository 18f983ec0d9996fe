using System.Diagnostics;
using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Datasets;
using Moss.Data.Training;
using Moss.Model.Checkpoints;
using Moss.Trainer.Local;
using Moss.Trainer.Tests.Setup;
using Moss.Trainer.Training;

namespace Moss.Trainer.Tests.Training;

/// <summary>Runs that are killed, or that the machine gives too little memory or disk.</summary>
public class HardTimesTests(PostgresServer server)
{
    private const int Steps = 600, Kills = 10;

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Runs_killed_at_ten_random_steps_end_with_the_same_bytes_as_runs_left_alone()
    {
        using var scene = await Scene.OpenAsync(server);
        var preferences = await scene.FreezeAsync(Recipes.Dpo);
        var conversations = await scene.FreezeAsync();
        var dpo = new DpoSettings { Epochs = 1_000, MaxSteps = Steps, BatchSize = 3, MaxTokens = 128, LoraRank = 4, CheckpointEvery = 15, NllWeight = 0.1 };

        await Task.WhenAll(KilledAsync(preferences, dpo, seed: 1), KilledAsync(conversations, Scene.Slow with { Steps = Steps, MaxSteps = Steps, CheckpointEvery = 15 }, seed: 2));

        async Task KilledAsync(DatasetVersion version, TuningSettings settings, int seed)
        {
            var (whole, killed) = (await scene.QueueAsync(version, settings), await scene.QueueAsync(version, settings));
            var worker = new Worker(scene);
            var undisturbed = worker.RunAsync(whole.Id, Test);
            var random = new Random(seed);
            foreach (var step in Enumerable.Range(0, Kills).Select(_ => random.Next(1, Steps - 60)).Order())
            {
                var job = worker.RunAsync(killed.Id, Test);
                using var child = await worker.ChildAsync(killed.Id, job);
                await scene.UntilAsync(killed.Id, r => r.Step >= step);
                child.Kill();
                await job;
                Assert.Equal(RunState.Queued, (await scene.RunAsync(killed.Id)).State);
            }
            await worker.RunAsync(killed.Id, Test);
            await undisturbed;

            Assert.Equal((RunState.Succeeded, Kills + 1), (await scene.RunAsync(killed.Id) is var r ? r.State : default, r.Attempt));
            foreach (var file in (string[])["model.safetensors", .. settings.LoraRank > 0 ? ["adapter/adapter_model.safetensors"] : Array.Empty<string>()])
                Assert.Equal(await FileAsync(scene, whole.Id, file), await FileAsync(scene, killed.Id, file));
            foreach (var name in (string[])[TrainingMetric.Loss, TrainingMetric.GradientNorm])
                Assert.Equal(await scene.With(db => db.MetricsAsync(whole.Id, name, Test)), await scene.With(db => db.MetricsAsync(killed.Id, name, Test)));
        }
    }

    [Fact]
    public async Task A_run_that_runs_out_of_memory_goes_on_with_less_of_it_and_says_so()
    {
        using var scene = await Scene.OpenAsync(server);
        for (var i = 0; i < 48; i++) await scene.CorrectAsync($"question {i}", string.Concat(Enumerable.Repeat($"answer {i} ", 40)));
        var version = await scene.With(db => db.FreezeAsync(scene.Project, null, new FreezeRule { EvalShare = 0 }, scene.Person, Test));
        var settings = new SftSettings { Steps = 2, BatchSize = 384, MaxTokens = 512, CheckpointEvery = 1 };

        var (frugal, least) = await MostMemoryAsync(settings with { MicroBatchSize = 16 }, null);
        var (greedy, _) = await MostMemoryAsync(settings with { MicroBatchSize = 384 }, least + (64 << 20));

        Assert.True((await scene.RunAsync(frugal)).Note is null);
        var run = await scene.RunAsync(greedy);
        Assert.Contains("Memory ran out", run.Note, StringComparison.Ordinal);
        Assert.Equal(Enumerable.Range(1, 2), (await scene.With(db => db.MetricsAsync(greedy, TrainingMetric.Loss, Test))).Select(m => m.Step));
        var losses = (await scene.With(db => db.MetricsAsync(frugal, TrainingMetric.Loss, Test))).Zip(await scene.With(db => db.MetricsAsync(greedy, TrainingMetric.Loss, Test)));
        Assert.All(losses, l => Assert.Equal(l.First.Value, l.Second.Value, 1e-4 * l.First.Value)); // the batch is the same: only rounding differs

        // Runs to its end; the most data memory (bytes) that its first child had, which a limit binds from its start.
        async Task<(Guid Run, long Most)> MostMemoryAsync(SftSettings how, long? limit)
        {
            var id = (await scene.QueueAsync(version, how)).Id;
            var (worker, most) = (new Worker(scene), 0L);
            for (var attempts = 0; attempts < 5 && (await scene.RunAsync(id)).State == RunState.Queued; attempts++)
            {
                var job = worker.RunAsync(id, Test);
                using var child = await worker.ChildAsync(id, job);
                if (limit is { } bytes && attempts == 0) await LimitAsync(child, "data", bytes);
                while (!job.IsCompleted)
                {
                    most = Math.Max(most, DataMemory(child.Id));
                    await Task.WhenAny(job, Task.Delay(2, Test));
                }
                await job;
            }
            var run = await scene.RunAsync(id);
            Assert.True(run.State == RunState.Succeeded, $"{run.State}: {run.Error} {run.Note}");
            return (id, most);
        }
    }

    [Fact]
    public async Task A_child_that_native_code_ends_for_want_of_memory_is_followed_by_one_that_takes_half()
    {
        using var scene = await Scene.OpenAsync(server);
        var folder = new RunFolder(scene.State, Guid.NewGuid());
        Assert.True(folder.BeginAttempt(1));
        folder.Halve();
        folder.Halve();
        Assert.Equal(2, folder.Halvings);
        var plan = await scene.With(async db => await RunPlan.ReadAsync(db, (await scene.QueueAsync(await scene.FreezeAsync(), Scene.Quick)).Id, Test));
        var lessons = new Rendering(LoadedCheckpointOf(scene).ChatTemplate, 128).Render(plan.Train).Lessons.Select(l => l.Lesson).ToList();
        var (full, quarter) = (TuningMath.Settings(plan, lessons, 1_000, 0), TuningMath.Settings(plan, lessons, 1_000, folder.Halvings));
        Assert.Equal(full.MicroBatchTokens / 4, quarter.MicroBatchTokens);
        Assert.Equal(full with { MicroBatchTokens = 0 }, quarter with { MicroBatchTokens = 0 });
    }

    [Fact]
    public async Task A_full_disk_fails_the_run_in_a_sentence_and_harms_nothing_that_was_there()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await scene.QueueAsync(await scene.FreezeAsync(), Scene.Slow with { Steps = 100_000, MaxSteps = 100_000, CheckpointEvery = 40 });
        var worker = new Worker(scene);
        var job = worker.RunAsync(run.Id, Test);
        using (var child = await worker.ChildAsync(run.Id, job))
        {
            while (new RunFolder(scene.State, run.Id).Newest() is null && !job.IsCompleted) await Task.Delay(10, Test);
            await LimitAsync(child, "fsize", 20_000); // bytes of any file: less than a state's weights
        }
        await job;

        run = await scene.RunAsync(run.Id);
        Assert.Equal(RunState.Failed, run.State);
        Assert.StartsWith("The disk is full:", run.Error, StringComparison.Ordinal);
        Assert.Contains("queue the run again", run.Error, StringComparison.Ordinal);
        Assert.NotNull(CheckpointFolder.Open(Path.Combine(scene.Checkpoints, "tiny")).VerifyManifest());
        Assert.Equal(["tiny"], Directory.GetDirectories(scene.Checkpoints).Select(Path.GetFileName));
        Assert.False(await scene.With(db => db.Checkpoints.AnyAsync(c => c.TrainingRunId == run.Id, Test)));
    }

    [Fact]
    public void A_disk_without_room_is_told_from_other_failures()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "Only Linux has a device that is always full.");
        Assert.StartsWith("The disk is full: No space left on device", DiskFull.Said(Assert.ThrowsAny<IOException>(() => File.WriteAllBytes("/dev/full", new byte[10]))), StringComparison.Ordinal);
        Assert.Null(DiskFull.Said(Assert.ThrowsAny<IOException>(() => File.ReadAllBytes("/no/such/file"))));
        Assert.Null(DiskFull.Said(new ArgumentOutOfRangeException("value")));
    }

    [Fact]
    public async Task A_state_that_cannot_be_written_leaves_the_one_before_it()
    {
        using var scene = await Scene.OpenAsync(server);
        var folder = new RunFolder(scene.State, Guid.NewGuid());
        Assert.True(folder.BeginAttempt(1));
        folder.Save(5, path => Directory.CreateDirectory(path));
        Assert.Throws<IOException>(() => folder.Save(10, _ => throw new IOException("No space left on device")));
        Assert.Equal(5, folder.Newest()?.Step);
    }

    private static LoadedCheckpoint LoadedCheckpointOf(Scene scene) => LoadedCheckpoint.Load(Path.Combine(scene.Checkpoints, "tiny"), TorchSharp.torch.CPU);

    private static async Task LimitAsync(Process child, string what, long most)
    {
        using var prlimit = Process.Start("prlimit", ["--pid", child.Id.ToString(CultureInfo.InvariantCulture), string.Create(CultureInfo.InvariantCulture, $"--{what}={most}")]);
        await prlimit.WaitForExitAsync(Test);
        Assert.Equal(0, prlimit.ExitCode);
    }

    /// <summary>What RLIMIT_DATA limits, bytes; 0 when the process is gone.</summary>
    private static long DataMemory(int process)
    {
        try
        {
            return File.ReadLines($"/proc/{process}/status").Where(l => l.StartsWith("VmData:", StringComparison.Ordinal))
                .Select(l => long.Parse(l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) << 10).FirstOrDefault();
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static async Task<byte[]> FileAsync(Scene scene, Guid run, string file)
    {
        var made = await scene.With(db => db.Checkpoints.SingleAsync(c => c.TrainingRunId == run, Test));
        return await File.ReadAllBytesAsync(Path.Combine(scene.Checkpoints, made.Folder, file), Test);
    }
}
