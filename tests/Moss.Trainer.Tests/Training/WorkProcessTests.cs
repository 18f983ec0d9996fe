using Microsoft.EntityFrameworkCore;
using Moss.Data.Checkpoints;
using Moss.Data.Deployments;
using Moss.Data.Training;
using Moss.Model.Checkpoints;
using Moss.Trainer.Tests.Setup;
using Moss.Trainer.Training;

namespace Moss.Trainer.Tests.Training;

public class WorkProcessTests(PostgresServer server)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_queued_run_becomes_a_deployed_checkpoint_with_every_step_recorded()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await scene.QueueAsync(await scene.FreezeAsync(heldOut: true), deployIf: """{"max_eval_loss_increase":100}""");
        await using var work = TrainerProcess.Work(scene);

        run = await scene.UntilAsync(run.Id, r => r.State is RunState.Succeeded or RunState.Failed);

        Assert.Equal((RunState.Succeeded, 12, 12), (run.State, run.Step, run.TotalSteps));
        Assert.Equal(Enumerable.Range(1, 12), (await scene.With(db => db.MetricsAsync(run.Id, TrainingMetric.Loss, Test))).Select(m => m.Step));
        Assert.Equal([0, 12], (await scene.With(db => db.MetricsAsync(run.Id, TrainingMetric.EvalLoss, Test))).Select(m => m.Step));
        var made = await scene.With(db => db.Checkpoints.SingleAsync(c => c.TrainingRunId == run.Id, Test));
        Assert.Equal((made.Id, scene.Tiny.Id, CheckpointKind.Full), (run.OutputCheckpointId, made.ParentId, made.Kind));
        Assert.Equal(made.ManifestSha256, CheckpointFolder.Open(Path.Combine(scene.Checkpoints, made.Folder)).VerifyManifest());
        var (deployment, champion) = (await scene.With(db => db.CurrentDeploymentAsync(Deployment.Champion, Test)))!.Value;
        Assert.Equal(made.Id, champion.Id);
        Assert.Contains("held-out loss", deployment.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_result_that_its_rule_does_not_allow_is_published_but_not_deployed()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await scene.QueueAsync(await scene.FreezeAsync(heldOut: true), deployIf: """{"max_eval_loss_increase":-100}""");

        await new Worker(scene).RunAsync(run.Id, Test);

        run = await scene.RunAsync(run.Id);
        Assert.Equal(RunState.Succeeded, run.State);
        Assert.StartsWith("Not deployed by itself: held-out loss", run.Note, StringComparison.Ordinal);
        Assert.Equal(scene.Tiny.Id, (await scene.With(db => db.CurrentDeploymentAsync(Deployment.Champion, Test)))!.Value.Checkpoint.Id);
    }

    [Fact]
    public async Task Workers_killed_at_three_moments_do_not_keep_a_run_from_its_end()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await scene.QueueAsync(await scene.FreezeAsync(), Scene.Slow);
        var pid = new RunFolder(scene.State, run.Id).PidFile;

        await KilledAsync(async () => await UntilAsync(() => File.Exists(pid)));                       // while loading
        await KilledAsync(async () => await scene.UntilAsync(run.Id, r => r.Attempt == 2 && r.Step > 40)); // between steps
        await using (var hold = scene.CreateDbContext())
        {
            await using var transaction = await hold.Database.BeginTransactionAsync(Test);
            await hold.Database.ExecuteSqlRawAsync("LOCK TABLE checkpoints IN SHARE MODE", Test);
            await KilledAsync(async () => await UntilAsync(() => Directory.EnumerateDirectories(scene.Checkpoints, "sft-*").Any(d => !d.Contains(".tmp-", StringComparison.Ordinal)))); // while publishing
        }
        await using var work = TrainerProcess.Work(scene);
        run = await scene.UntilAsync(run.Id, r => r.State is not (RunState.Running or RunState.Queued));

        Assert.True(run.State == RunState.Succeeded, run.Error);
        Assert.Equal(1, await scene.With(db => db.Checkpoints.CountAsync(c => c.TrainingRunId == run.Id, Test)));
        Assert.Equal(Enumerable.Range(1, 400), (await scene.With(db => db.MetricsAsync(run.Id, TrainingMetric.Loss, Test))).Select(m => m.Step));

        async Task KilledAsync(Func<Task> when)
        {
            await using var work = TrainerProcess.Work(scene);
            await when();
            work.Kill9();
            await work.EndAsync();
        }
    }

    [Fact]
    public async Task A_database_that_goes_away_for_a_moment_costs_nothing()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await scene.QueueAsync(await scene.FreezeAsync(), Scene.Slow);
        await using var work = TrainerProcess.Work(scene);
        await scene.UntilAsync(run.Id, r => r.Step > 10);

        await using (var other = new Npgsql.NpgsqlConnection(new Npgsql.NpgsqlConnectionStringBuilder(scene.ConnectionString) { Database = "postgres" }.ConnectionString))
        {
            await other.OpenAsync(Test);
            for (var i = 0; i < 20; i++) // every connection of every process, for two seconds
            {
                await using var end = new Npgsql.NpgsqlCommand("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = @name", other);
                end.Parameters.AddWithValue("name", new Npgsql.NpgsqlConnectionStringBuilder(scene.ConnectionString).Database!);
                await end.ExecuteNonQueryAsync(Test);
                await Task.Delay(100, Test);
            }
        }
        Npgsql.NpgsqlConnection.ClearAllPools();

        run = await scene.UntilAsync(run.Id, r => r.State is not (RunState.Running or RunState.Queued));
        Assert.True(run.State == RunState.Succeeded, run.Error);
        Assert.Equal(1, run.Attempt);
        Assert.Equal(Enumerable.Range(1, 400), (await scene.With(db => db.MetricsAsync(run.Id, TrainingMetric.Loss, Test))).Select(m => m.Step));
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        while (!holds()) await Task.Delay(10, Test);
    }
}
