using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Deployments;
using Moss.Data.Training;
using Moss.Model.Adapters;
using Moss.Model.Checkpoints;
using Moss.Model.Learning;
using Moss.Model.Text;
using Moss.Trainer.Tests.Setup;
using Moss.Trainer.Training;

namespace Moss.Trainer.Tests.Training;

/// <summary>Whole runs of every recipe, from the queue to the checkpoint, on a network of a few thousand weights.</summary>
public class RecipeRunTests(PostgresServer server)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_preference_run_with_an_adapter_starts_even_learns_its_pairs_and_publishes_base_and_adapter_as_one()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await DoneAsync(scene, new DpoSettings { Epochs = 12, BatchSize = 8, MicroBatchSize = 3, MaxTokens = 128, LoraRank = 4, PeakLearningRate = 2e-2 });

        Assert.Equal(Math.Log(2), await MetricAsync(scene, run, TrainingMetric.Loss, 1), 6);
        Assert.Equal(0, await MetricAsync(scene, run, TrainingMetric.Margin, 1), 6);
        Assert.Equal(Math.Log(2), await MetricAsync(scene, run, TrainingMetric.EvalLoss, 0), 6);
        Assert.InRange(await MetricAsync(scene, run, TrainingMetric.TrainAccuracy, run.TotalSteps!.Value), 0.9, 1);
        Assert.True(await MetricAsync(scene, run, TrainingMetric.Margin, run.TotalSteps.Value) > 0.1);
        Assert.Matches("Held-out accuracy .* 95 % interval .* the longer reply is the chosen one in .* correlation of margin", run.Note);
        var (low, right, high) = (await LastAsync(TrainingMetric.EvalAccuracyLow), await LastAsync(TrainingMetric.EvalAccuracy), await LastAsync(TrainingMetric.EvalAccuracyHigh));
        Assert.True(low <= right && right <= high && low < high, $"{low} {right} {high}");

        var (made, folder) = await OutputAsync(scene, run);
        Assert.Equal(CheckpointKind.Lora, made.Kind);
        Assert.Equal(made.ManifestSha256, CheckpointFolder.Open(folder).VerifyManifest());
        using var merged = LoadedCheckpoint.Load(folder, TorchSharp.torch.CPU);
        merged.VerifyChecks();
        var moss = Moss(folder);
        Assert.InRange(moss["merged"]!["largest_logit_difference"]!.GetValue<double>(), 0, 1e-3);
        Assert.Equal(right, moss["held_out"]!["accuracy"]!["share"]!.GetValue<double>(), 9);
        using var basis = LoadedCheckpoint.Load(Path.Combine(scene.Checkpoints, "tiny"), TorchSharp.torch.CPU);
        using var adapter = AdapterFolder.Load(Path.Combine(folder, AdapterFolder.SubFolder), basis.Transformer);
        var proof = Merging.Merge(basis, adapter, [[1, 2, 3, 4]]);
        Assert.True(proof.Holds, proof.ToString());
        Assert.All(basis.Transformer.named_parameters().Zip(merged.Transformer.named_parameters()), p => Assert.True(p.First.parameter.eq(p.Second.parameter).all().item<bool>(), p.First.name));


        Task<double> LastAsync(string name) => MetricAsync(scene, run, name, run.TotalSteps.Value);
    }

    [Fact]
    public async Task A_reward_run_scores_its_pairs_and_its_checkpoint_is_never_deployed()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await DoneAsync(scene, new RewardSettings { Epochs = 12, BatchSize = 8, MaxTokens = 128, PeakLearningRate = 1e-2 });

        Assert.Equal(Math.Log(2), await MetricAsync(scene, run, TrainingMetric.Loss, 1), 6);
        Assert.InRange(await MetricAsync(scene, run, TrainingMetric.TrainAccuracy, run.TotalSteps!.Value), 0.9, 1);
        var (made, folder) = await OutputAsync(scene, run);
        Assert.Equal(CheckpointKind.Full, made.Kind);
        using var loaded = LoadedCheckpoint.Load(folder, TorchSharp.torch.CPU);
        using var head = RewardHead.Load(folder, loaded.Transformer);
        Assert.True(head.Weight.abs().max().item<float>() > 0);
        Assert.Contains("scores replies", (await Assert.ThrowsAsync<MossInputException>(
            () => scene.With(db => db.DeployAsync(Deployment.Champion, made.Id, "try", null, Test)))).Message, StringComparison.Ordinal);
        Assert.Contains("deploy_if", (await Assert.ThrowsAsync<MossInputException>(async () => await scene.With(db => db.QueueRunAsync(
            Guid.CreateVersion7(), scene.Project, Recipes.Reward, "{}", run.DatasetVersionId, scene.Tiny.Id, 1, """{"max_eval_loss_increase":0}""", null, null, Test)))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_on_desirable_replies_raises_them_above_the_others()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await DoneAsync(scene, new KtoSettings { Epochs = 12, BatchSize = 8, MaxTokens = 128, PeakLearningRate = 1e-2 });

        Assert.Equal(0, await MetricAsync(scene, run, TrainingMetric.Margin, 1), 6);
        Assert.InRange(await MetricAsync(scene, run, TrainingMetric.Accuracy, run.TotalSteps!.Value), 0.75, 1);
        Assert.True(await MetricAsync(scene, run, TrainingMetric.Loss, run.TotalSteps.Value) < await MetricAsync(scene, run, TrainingMetric.Loss, 1) - 0.05);
    }

    [Fact]
    public async Task A_run_with_qualities_makes_a_checkpoint_that_is_asked_for_the_best_and_so_are_its_descendants()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await DoneAsync(scene, new QualitySettings { Steps = 6, BatchSize = 4, MaxTokens = 128, PeakLearningRate = 1e-3 });

        var (made, folder) = await OutputAsync(scene, run);
        Assert.Equal(QualityTag.Best, Moss(folder)["quality_tag"]!.GetValue<string>());
        var version = await scene.FreezeAsync(Recipes.Dpo, rankings: 0);
        var next = await scene.With(db => db.QueueRunAsync(Guid.CreateVersion7(), scene.Project, Recipes.Dpo,
            """{"max_steps":2,"max_tokens":128,"lora_rank":2}""", version.Id, made.Id, 1, null, null, null, Test));
        await new Worker(scene).RunAsync(next.Id, Test);
        var (_, descendant) = await OutputAsync(scene, await scene.RunAsync(next.Id));
        Assert.Equal(QualityTag.Best, Moss(descendant)["quality_tag"]!.GetValue<string>());
        using var loaded = LoadedCheckpoint.Load(descendant, TorchSharp.torch.CPU);
        loaded.VerifyChecks();
    }

    [Fact]
    public async Task A_dataset_version_of_another_recipe_is_refused_by_name()
    {
        using var scene = await Scene.OpenAsync(server);
        var version = await scene.FreezeAsync();
        Assert.Contains("freeze --recipe kto", (await Assert.ThrowsAsync<MossInputException>(() => scene.QueueAsync(version, new KtoSettings()))).Message, StringComparison.Ordinal);
    }

    private static async Task<TrainingRun> DoneAsync(Scene scene, TuningSettings settings)
    {
        var run = await scene.QueueAsync(await scene.FreezeAsync(settings.RecipeName()), settings);
        await new Worker(scene).RunAsync(run.Id, Test);
        run = await scene.RunAsync(run.Id);
        Assert.True(run.State == RunState.Succeeded, $"{run.State}: {run.Error} {run.Note}");
        return run;
    }

    private static async Task<double> MetricAsync(Scene scene, TrainingRun run, string name, int step) =>
        (await scene.With(db => db.MetricsAsync(run.Id, name, Test))).Single(m => m.Step == step).Value;

    private static async Task<(Checkpoint Made, string Folder)> OutputAsync(Scene scene, TrainingRun run)
    {
        var made = await scene.With(db => db.Checkpoints.AsNoTracking().SingleAsync(c => c.TrainingRunId == run.Id, Test));
        return (made, Path.Combine(scene.Checkpoints, made.Folder));
    }

    private static JsonNode Moss(string folder) => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "moss.json")))!;
}
