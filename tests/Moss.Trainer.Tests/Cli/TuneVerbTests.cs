using System.Text.Json;
using Moss.Data.Training;
using Moss.Model.Adapters;
using Moss.Model.Checkpoints;
using Moss.Trainer.Tests.Setup;

namespace Moss.Trainer.Tests.Cli;

public class TuneVerbTests(PostgresServer server)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Preferences_become_an_adapter_and_a_merged_checkpoint_by_three_verbs()
    {
        using var scene = await Scene.OpenAsync(server);
        await scene.FreezeAsync(Recipes.Dpo);
        await using var work = TrainerProcess.Work(scene);

        var tuned = (await JsonAsync("tune", "dpo", "--base", "tiny", "--settings",
            """{"epochs":10,"batch_size":8,"max_tokens":128,"lora_rank":4,"peak_learning_rate":0.02}""", "--json"))[^1];
        Assert.Equal("succeeded", tuned.GetProperty("state").GetString());
        Assert.Contains("Held-out accuracy", tuned.GetProperty("note").GetString(), StringComparison.Ordinal);
        Assert.Equal(Math.Log(2), tuned.GetProperty("eval_loss_before_nats").GetDouble(), 5);

        var (made, target) = (Path.Combine(scene.Checkpoints, tuned.GetProperty("checkpoint").GetString()!), Path.Combine(scene.State, "merged"));
        Assert.True(AdapterFolder.Exists(Path.Combine(made, AdapterFolder.SubFolder)));
        var merged = (await JsonAsync("checkpoint", "merge", Path.Combine(scene.Checkpoints, "tiny"), made, target, "--json"))[^1];
        Assert.InRange(merged.GetProperty("largest_logit_difference").GetDouble(), 0, 1e-3);
        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(made, "model.safetensors"), Test), await File.ReadAllBytesAsync(Path.Combine(target, "model.safetensors"), Test));
        Assert.NotNull(CheckpointFolder.Open(target).VerifyManifest());

        async Task<List<JsonElement>> JsonAsync(params string[] words)
        {
            var (code, output, json) = await TrainerProcess.RunAsync(scene, null, words);
            Assert.True(code == 0 && json.Count > 0, $"{string.Join(' ', words)} ended with {code}: {output}");
            return json;
        }
    }

    [Fact]
    public async Task A_recipe_says_what_can_be_set()
    {
        using var scene = await Scene.OpenAsync(server);
        var (code, output, json) = await TrainerProcess.RunAsync(scene, null, "tune", "dpo", "--explain", "--json");
        Assert.True(code == 0, output);
        Assert.Equal(TuningSettings.Describe(Recipes.Dpo).Select(s => s.Name), json.Select(s => s.GetProperty("name").GetString()));
        Assert.All(json, s => Assert.NotEqual("", s.GetProperty("unit").GetString()));
    }
}
