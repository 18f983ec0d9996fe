using Microsoft.EntityFrameworkCore;
using Moss.Data.Checkpoints;
using Moss.Data.Deployments;
using Moss.Data.Training;
using Moss.Model.Checkpoints;
using Moss.Trainer.Tests.Setup;

namespace Moss.Trainer.Tests.Training;

public class TrainingRunTests(PostgresServer server)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_queued_run_becomes_a_checkpoint_with_every_step_recorded()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await scene.QueueAsync(await scene.FreezeAsync(heldOut: true), deployIf: """{"max_eval_loss_increase":100}""");
        await using var work = TrainerProcess.Work(scene);

        run = await scene.UntilAsync(run.Id, r => r.State is RunState.Succeeded or RunState.Failed);

        Assert.Equal((RunState.Succeeded, 12, 12), (run.State, run.Step, run.TotalSteps));
        var losses = await scene.With(db => db.MetricsAsync(run.Id, TrainingMetric.Loss, Test));
        Assert.Equal(Enumerable.Range(1, 12), losses.Select(m => m.Step));
        Assert.Equal([0, 12], (await scene.With(db => db.MetricsAsync(run.Id, TrainingMetric.EvalLoss, Test))).Select(m => m.Step));

        var made = await scene.With(db => db.Checkpoints.SingleAsync(c => c.TrainingRunId == run.Id, Test));
        Assert.Equal((made.Id, scene.Tiny.Id, CheckpointKind.Full), (run.OutputCheckpointId, made.ParentId, made.Kind));
        Assert.Equal(made.ManifestSha256, CheckpointFolder.Open(Path.Combine(scene.Checkpoints, made.Folder)).VerifyManifest());
        var (deployment, champion) = (await scene.With(db => db.CurrentDeploymentAsync(Deployment.Champion, Test)))!.Value;
        Assert.Equal(made.Id, champion.Id);
        Assert.Contains("held-out loss", deployment.Reason, StringComparison.Ordinal);
    }
}
