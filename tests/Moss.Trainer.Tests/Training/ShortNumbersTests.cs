using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Checkpoints;
using Moss.Data.Training;
using Moss.Model;
using Moss.Model.Checkpoints;
using Moss.Model.Learning;
using Moss.Trainer.Tests.Setup;
using TorchSharp;

namespace Moss.Trainer.Tests.Training;

/// <summary>Runs on a base of 31 million weights, which are computed in bfloat16: what is published is float32 all the same, and serves as it was checked.</summary>
public class ShortNumbersTests(PostgresServer server)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task A_larger_base_is_computed_in_bfloat16_and_published_without_losing_its_digits(int rank)
    {
        using var scene = await Scene.OpenAsync(server);
        var basis = await MakeAsync(scene);
        var version = await scene.FreezeAsync(Recipes.Dpo, rankings: 0);
        var run = await scene.With(db => db.QueueRunAsync(Guid.CreateVersion7(), scene.Project, Recipes.Dpo,
            new DpoSettings { MaxSteps = 2, MaxTokens = 128, LoraRank = rank }.ToJson(), version.Id, basis.Id, 1, null, null, null, Test));

        await new Worker(scene).RunAsync(run.Id, Test);

        run = await scene.RunAsync(run.Id);
        Assert.True(run.State == RunState.Succeeded, $"{run.State}: {run.Error}");
        Assert.Equal(Math.Log(2), (await scene.With(db => db.MetricsAsync(run.Id, TrainingMetric.Loss, Test)))[0].Value, rank > 0 ? 3 : 6);
        var made = await scene.With(db => db.Checkpoints.SingleAsync(c => c.TrainingRunId == run.Id, Test));
        var folder = Path.Combine(scene.Checkpoints, made.Folder);
        Assert.Equal("BFloat16", JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "moss.json"), Test))!["compute"]!.GetValue<string>());
        using var tuned = LoadedCheckpoint.Load(folder, torch.CPU);
        tuned.VerifyChecks();
        using var before = LoadedCheckpoint.Load(Path.Combine(scene.Checkpoints, basis.Folder), torch.CPU);
        var kept = before.Transformer.named_parameters().Zip(tuned.Transformer.named_parameters());
        Assert.Contains(kept, p => !p.First.parameter.eq(p.Second.parameter).all().item<bool>());
        if (rank > 0) // the embedding has no adapter: not a digit of it may be lost to the short copy that was trained beside
            Assert.All(kept.Where(p => p.First.name.Contains("embed", StringComparison.Ordinal)), p => Assert.True(p.First.parameter.eq(p.Second.parameter).all().item<bool>()));
    }

    private static async Task<Checkpoint> MakeAsync(Scene scene)
    {
        var folder = Directory.CreateDirectory(Path.Combine(scene.Checkpoints, "larger")).FullName;
        foreach (var file in (string[])["tokenizer.json", "chat_template.jinja"]) File.Copy(Path.Combine(TinyCheckpoint.Folder, file), Path.Combine(folder, file));
        var config = CheckpointFolder.Open(TinyCheckpoint.Folder).Config with
        {
            HiddenSize = 512,
            IntermediateSize = 1_536,
            LayerCount = 10,
            HeadCount = 8,
            KeyValueHeadCount = 4,
            HeadDim = 64,
        };
        Assert.True(config.ParameterCount > 30_000_000);
        await File.WriteAllTextAsync(Path.Combine(folder, "config.json"), config.ToJson().ToJsonString(), Test);
        using (var network = new Transformer(config, torch.CPU))
        {
            RandomWeights.Fill(network, seed: 1);
            Safetensors.Save(Path.Combine(folder, "model.safetensors"), network.named_parameters().Select(p => (p.name, (torch.Tensor)p.parameter)));
        }
        var opened = CheckpointFolder.Open(folder);
        return await scene.With(db => db.RegisterBaseAsync(new Checkpoint
        {
            Name = "larger", Kind = CheckpointKind.Base, Family = config.Family, Folder = "larger", ManifestSha256 = opened.ManifestSha256,
            TemplateSha256 = TinyCheckpoint.TemplateSha256(opened), CreatedAt = TimeProvider.System.GetUtcNow(),
        }, Test));
    }
}
