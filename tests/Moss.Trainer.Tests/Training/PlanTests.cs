using System.Text.Json.Nodes;
using Moss.Data;
using Moss.Data.Datasets;
using Moss.Data.Training;
using Moss.Model;
using Moss.Trainer.Tests.Setup;
using Moss.Trainer.Training;
using Moss.Trainer.Training.Planning;
using Moss.Trainer.Training.Watching;

namespace Moss.Trainer.Tests.Training;

public class PlanTests(PostgresServer server)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_plan_says_what_the_run_then_does()
    {
        using var scene = await Scene.OpenAsync(server);
        var version = await scene.FreezeAsync(heldOut: true);
        var settings = Scene.Quick.ToJson();
        var (code, output, json) = await TrainerProcess.RunAsync(
            scene, null, "tune", "sft", "--dataset", version.Name, "--seed", "7", "--settings", settings, "--plan", "--json");
        Assert.True(code == 0, output);
        var plan = PlanResult.Parse(json[0].GetRawText());
        Assert.Empty(await scene.With(db => db.ClaimableRunsAsync(Test))); // nothing was started

        var run = await scene.QueueAsync(version);
        var events = EventFile.FolderOf(scene.State, run.Id);
        await new Worker(scene).RunAsync(run.Id, Test);
        run = await scene.RunAsync(run.Id);
        Assert.True(run.State == RunState.Succeeded, run.Error);

        var peak = (await scene.With(db => db.MetricsAsync(run.Id, TrainingMetric.MemoryBytes, Test))).Max(m => m.Value);
        Assert.Equal((run.TotalSteps, version.TrainCount > 0, 0), (plan.Steps, plan.Examples > 0, plan.TooLong));
        Assert.InRange(plan.Memory.Total / peak, 0.85, 1.15);
        Assert.True(plan is { Fits: true, Seconds: > 0, Options.Count: 0 });
        Assert.All(await scene.With(db => db.MetricsAsync(run.Id, TrainingMetric.Mfu, Test)), m => Assert.InRange(m.Value, 1e-9, 1.5));
        Assert.Equal(0, (await scene.With(db => db.MetricsAsync(run.Id, TrainingMetric.SecondsLeft, Test)))[^1].Value);
        Assert.Single(Directory.GetFiles(events));

        (code, output, json) = await TrainerProcess.RunAsync(scene, null, "runs", run.Id.ToString(), "--follow", "--json");
        Assert.True(code == 0, output);
        Assert.Equal(Enumerable.Range(0, 13).Append(12), json.Select(line => line.GetProperty("step").GetInt32()));
        Assert.Equal("succeeded", json[^1].GetProperty("state").GetString());
        (_, output, json) = await TrainerProcess.RunAsync(scene, null, "runs", run.Id.ToString(), "--tensorboard", "--json");
        Assert.True(json[0].GetProperty("folder").GetString() == events, output);
    }

    [Fact]
    public async Task A_worker_answers_the_portal_s_questions()
    {
        using var scene = await Scene.OpenAsync(server);
        var version = await scene.FreezeAsync();
        var (plan, mask, wrong) = (Guid.CreateVersion7(), Guid.CreateVersion7(), Guid.CreateVersion7());
        await scene.With(db => db.AskPlanAsync(plan, scene.Project, "sft", """{"steps":5}""", version.Id, scene.Tiny.Id, null, scene.Person, Test));
        await scene.With(db => db.AskPlanAsync(mask, scene.Project, "sft", "{}", version.Id, scene.Tiny.Id, 1, scene.Person, Test));
        await scene.With(db => db.AskPlanAsync(wrong, scene.Project, "sft", """{"epoch":5}""", version.Id, scene.Tiny.Id, null, scene.Person, Test));
        await using var work = TrainerProcess.Work(scene);

        Assert.Equal(5, PlanResult.Parse((await AnsweredAsync(scene, plan)).Result!).Steps);
        Assert.Contains("epoch", (await AnsweredAsync(scene, wrong)).Error, StringComparison.Ordinal);
        var preview = MaskPreview.Parse((await AnsweredAsync(scene, mask)).Result!);
        Assert.Equal((1, 3, "train"), (preview.Ordinal, preview.Examples, preview.Split));
        var document = Assert.Single(preview.Documents);
        Assert.Equal(document.LearnedTokens, document.Spans.Where(s => s.Learned).Sum(s => s.Tokens));
        Assert.Equal(document.Tokens, document.Spans.Sum(s => s.Tokens));
        var learned = Assert.Single(document.Spans, s => s.Learned).Text;
        Assert.Contains((await AnswersAsync(scene, version)).Single(a => learned.StartsWith(a, StringComparison.Ordinal)), learned, StringComparison.Ordinal);
        Assert.EndsWith("<|im_end|>", learned.TrimEnd(), StringComparison.Ordinal); // the terminator is learned too
    }

    [Fact]
    public async Task What_cannot_fit_is_refused_with_what_would()
    {
        using var scene = await Scene.OpenAsync(server);
        var version = await scene.FreezeAsync();
        Grow(Path.Combine(scene.Checkpoints, "tiny", "config.json")); // a plan reads no weights
        var run = PlanAnswer.Run(scene.Project, "sft", """{"batch_size":8,"micro_batch_size":8,"max_tokens":256}""", version.Id, scene.Tiny.Id, 1);
        var asked = await scene.With(db => RunPlan.OfAsync(db, run, Test));
        var whole = await PlanAsync(asked, new Machine(long.MaxValue, long.MaxValue, long.MaxValue));

        var tight = await PlanAsync(asked, new Machine(whole.Memory.Total - whole.Memory.Pass / 2, long.MaxValue, long.MaxValue));
        Assert.False(tight.Fits);
        var first = tight.Options[0];
        Assert.Equal(1, JsonNode.Parse(first.Settings)!["micro_batch_size"]!.GetValue<int>());
        Assert.True(first.MemoryBytes < tight.Memory.Total && tight.Options[^1].Fits);

        var full = await PlanAsync(asked, new Machine(long.MaxValue, long.MaxValue, DiskFree: whole.DiskBytes - 1));
        Assert.True(full is { FitsMemory: true, FitsDisk: false });
        Assert.Equal("""{"lora_rank":16}""", full.Options[0].Settings);

        var refusal = Assert.Throws<MossInputException>(() => MemoryFloor.Require(asked, TinyNetwork(scene), new Machine(200_000_000, 200_000_000, long.MaxValue)));
        Assert.Contains("lora_rank", refusal.Message, StringComparison.Ordinal);

        Task<PlanResult> PlanAsync(RunPlan plan, Machine machine) => OwnThread.RunAsync("plan", () => new Planner(plan, scene.Checkpoints, scene.State, machine).Plan());
    }

    private static ModelConfig TinyNetwork(Scene scene) => ModelConfig.Load(Path.Combine(scene.Checkpoints, "tiny", "config.json"));

    private static void Grow(string path)
    {
        var config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        (config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]) = (256, 1_024, 24);
        File.WriteAllText(path, config.ToJsonString());
    }

    private static async Task<TrainingPlan> AnsweredAsync(Scene scene, Guid id)
    {
        while (true)
        {
            if (await scene.With(db => db.FindPlanAsync(id, Test)) is { ComputedAt: not null } answered) return answered;
            await Task.Delay(50, Test);
        }
    }

    private static async Task<List<string>> AnswersAsync(Scene scene, DatasetVersion version)
    {
        var answers = new List<string>();
        await scene.With(async db =>
        {
            await foreach (var e in db.ExamplesAsync(version.Id, Split.Train)) answers.Add(DatasetContent.Parse(e.Content).Messages[^1].Content);
        });
        return answers;
    }
}
