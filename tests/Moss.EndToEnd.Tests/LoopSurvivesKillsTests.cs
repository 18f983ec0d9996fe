using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Training;

namespace Moss.EndToEnd.Tests;

/// <summary>kill -9 while a run loads, between its steps and while it publishes: the run ends once, with one checkpoint that serves.</summary>
public sealed class LoopSurvivesKillsTests(RunningMoss moss)
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromMinutes(1) };

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public Task A_run_outlives_its_training_child() => EndsOnceAsync("child", (_, child) =>
    {
        RunningMoss.Signal(child, "KILL");
        return Task.CompletedTask;
    }, resumes: true);

    [Fact]
    public Task A_run_outlives_work() => EndsOnceAsync("work", (_, _) =>
    {
        moss.Kill("work");
        return Task.CompletedTask;
    }, resumes: true);

    [Fact]
    public Task A_run_outlives_PostgreSQL() => EndsOnceAsync("postgres", (_, _) => moss.KillPostgresAsync(), resumes: false);

    private async Task EndsOnceAsync(string victim, Func<TuningRun, int, Task> kill, bool resumes)
    {
        var run = await TuningRun.QueueAsync(moss, "kills of " + victim);

        var (first, loading) = await run.HoldChildAsync("loading", null, r => r is { State: RunState.Running, Step: 0 });
        using (loading) await kill(run, first);

        var (second, stepping) = await run.HoldChildAsync("between its steps", resumes ? first : null, r => r is { State: RunState.Running, Step: > 20 });
        using (stepping) await kill(run, second);

        var written = await KillWhilePublishingAsync(run, child => kill(run, child));
        await Eventually.HoldsAsync("the run has ended", async () => (await run.RowAsync()).State is not (RunState.Queued or RunState.Running), moss.Logs);

        await AssertTrainedOnceAsync(run, written);
        await AssertServesAsync(run.Output);
        if (resumes) Assert.Contains(Attempts(run), step => step >= 20); // from what was saved, not from the beginning
        await Eventually.HoldsAsync("nothing of the run is left behind", () => Task.FromResult(!run.Processes().Any() && !Directory.Exists(run.Folder)),
            () => string.Join('\n', run.Processes()), seconds: 30);
    }

    /// <summary>The folder stands and the row cannot be written yet: that is when it is killed. Returns the hash of the manifest that stood.</summary>
    private async Task<string> KillWhilePublishingAsync(TuningRun run, Func<int, Task> kill)
    {
        await using (var hold = await LockCheckpointsAsync())
        {
            await Eventually.HoldsAsync("the checkpoint's folder stands", () => Task.FromResult(Directory.Exists(run.OutputFolder) && run.Child is not null), moss.Logs);
            await kill(run.Child ?? throw new InvalidOperationException("The child ended while it was to publish."));
            try { await hold.Database.RollbackTransactionAsync(Test); }
            catch (Exception e) when (Db.IsUnreachable(e)) { /* the killed server took the lock with it */ }
        }
        return await ManifestAsync(run);
    }

    private Task<MossDbContext> LockCheckpointsAsync() => moss.WithAsync(async _ =>
    {
        var hold = moss.OpenDatabase();
        try
        {
            await hold.Database.BeginTransactionAsync(Test);
            await hold.Database.ExecuteSqlRawAsync("LOCK TABLE checkpoints IN SHARE MODE", Test);
            return hold;
        }
        catch
        {
            await hold.DisposeAsync();
            throw;
        }
    });

    private async Task AssertTrainedOnceAsync(TuningRun run, string written)
    {
        var row = await run.RowAsync();
        Assert.True(row.State == RunState.Succeeded, $"{row.State}: {row.Error} {row.Note}\n{moss.Logs()}");
        Assert.Equal((TuningRun.Steps, TuningRun.Steps), (row.Step, row.TotalSteps));
        Assert.Equal(Enumerable.Range(1, TuningRun.Steps), (await moss.WithAsync(db => db.MetricsAsync(run.Id, TrainingMetric.Loss, Test))).Select(m => m.Step));

        var made = await moss.WithAsync(db => db.Checkpoints.AsNoTracking().SingleAsync(c => c.TrainingRunId == run.Id, Test));
        Assert.Equal((row.OutputCheckpointId, run.Output, written), (made.Id, made.Name, made.ManifestSha256));
        Assert.Equal(written, await ManifestAsync(run)); // what stood before the last kill was published, not trained again
        Assert.Equal([run.OutputFolder], Directory.GetDirectories(Path.Combine(moss.State, "checkpoints"), run.Output + "*"));
    }

    private async Task AssertServesAsync(string checkpoint)
    {
        using var answer = await Http.PostAsJsonAsync(new Uri(moss.Serve, "/v1/chat/completions"), new
        {
            model = checkpoint, messages = new[] { new { role = "user", content = "What is the capital of France?" } }, temperature = 0, max_tokens = 16,
        }, Test);
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>(Test);
        Assert.True(answer.IsSuccessStatusCode, body.ToString());
        Assert.Equal(checkpoint, body.GetProperty("moss").GetProperty("checkpoint").GetString());
    }

    /// <summary>The steps at which the run's attempts began, from the worker's log.</summary>
    private IEnumerable<int> Attempts(TuningRun run) => File.ReadLines(Path.Combine(moss.State, "logs", "work.log"))
        .Where(line => line.Contains($"Run {run.Id} attempt", StringComparison.Ordinal) && line.Contains("training from step", StringComparison.Ordinal))
        .Select(line => int.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));

    private static async Task<string> ManifestAsync(TuningRun run) =>
        Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(run.OutputFolder, "manifest.json"), Test)));
}
