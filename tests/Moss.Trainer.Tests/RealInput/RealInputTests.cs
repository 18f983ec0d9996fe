using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Conversations;
using Moss.Data.Training;
using Moss.Model.Checkpoints;
using Moss.Trainer.Deployments;
using Moss.Trainer.Local;
using Moss.Trainer.Tests.Setup;

namespace Moss.Trainer.Tests.RealInput;

/// <summary>Alone, because a training run of the starter wants every core.</summary>
[CollectionDefinition(nameof(RealInputTests), DisableParallelization = true)]
[Collection(nameof(RealInputTests))]
public sealed class RealInputTests(PostgresServer server)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_tuning_run_on_the_imported_MOSS_conversations_lowers_the_held_out_loss()
    {
        var file = RealFile.Moss;
        using var scene = await Scene.OpenAsync(server);
        var starter = await InviteStarterAsync(scene);

        Counts((1_120, 9_666, 0, 0), await JsonAsync(scene, "import", file));
        Counts((0, 0, 1_120, 0), await JsonAsync(scene, "import", file));
        var version = await JsonAsync(scene, "freeze", "--rule", """{"replay_max":30,"eval_share":0.2}""");
        Assert.Equal(30, version.GetProperty("train_examples").GetInt32() + version.GetProperty("eval_examples").GetInt32());
        Assert.InRange(version.GetProperty("eval_examples").GetInt32(), 2, 12);

        await using var work = TrainerProcess.Work(scene);
        var started = TimeProvider.System.GetTimestamp();
        var run = await JsonAsync(scene, "tune", "sft", "--base", starter,
            "--settings", """{"steps":6,"batch_size":3,"micro_batch_size":3,"max_tokens":1536,"peak_learning_rate":2e-3}""");
        TestContext.Current.TestOutputHelper?.WriteLine($"tuned in {TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s: {run}");

        Assert.Equal(("succeeded", 6), (run.GetProperty("state").GetString(), run.GetProperty("step").GetInt32()));
        var (before, after) = (run.GetProperty("eval_loss_before_nats").GetDouble(), run.GetProperty("eval_loss_after_nats").GetDouble());
        Assert.True(after < before, $"The held-out loss was {before} and is {after} nats per token.");
        var guessing = Math.Log(CheckpointFolder.Open(Path.Combine(scene.Checkpoints, starter)).Config.VocabSize); // every token as likely as any other
        Assert.True(after < guessing, $"The held-out loss is {after} nats per token; who knows nothing has {guessing}.");
        Assert.Equal([0, 6], (await scene.With(db => db.MetricsAsync(run.GetProperty("run_id").GetGuid(), TrainingMetric.EvalLoss, Test))).Select(m => m.Step));
    }

    [Fact]
    public async Task The_OASST_trees_leave_again_as_lines_that_TRL_reads()
    {
        var file = RealFile.Oasst;
        using var scene = await Scene.OpenAsync(server);
        Counts((100, 1_167, 0, 754), await JsonAsync(scene, "import", file));
        Counts((0, 0, 100, 0), await JsonAsync(scene, "import", file));

        var worst = await scene.With(db => db.Messages.Where(m => m.Role == Role.Moss && m.SourceRank > 0).OrderBy(m => m.Text).FirstAsync(Test));
        await JsonAsync(scene, "correct", worst.Id.ToString(), "A better answer: 更好的回答。");
        var version = await JsonAsync(scene, "freeze", "--name", "trees", "--rule", """{"eval_share":0}""");
        var train = version.GetProperty("train_examples").GetInt32();
        Assert.InRange(train, 90, 101);

        var (sft, completions) = await ExportAsync(scene, "trl-sft");
        var (dpo, pairs) = await ExportAsync(scene, "trl-dpo");

        Assert.InRange(completions.Count, train, 687); // a row for every learned reply of the best paths
        Assert.All(completions, row => AssertShape(row, "completion"));
        Assert.Equal((0, train - 1), (sft.GetProperty("skipped").GetInt32(), dpo.GetProperty("skipped").GetInt32()));
        var pair = Assert.Single(pairs);
        AssertShape(pair, "chosen", "rejected");
        Assert.Equal(("A better answer: 更好的回答。", worst.Text), (Content(pair, "chosen"), Content(pair, "rejected")));
        Assert.Contains(completions, row => Content(row, "completion") == "A better answer: 更好的回答。");
    }

    /// <summary>The starter of this clone, made if it is missing, as a checkpoint of the scene; its name.</summary>
    private static async Task<string> InviteStarterAsync(Scene scene)
    {
        var starter = await Starter.MakeAsync(Installation.FromEnvironment(), _ => { }, Test);
        Directory.CreateSymbolicLink(Path.Combine(scene.Checkpoints, starter.Name), starter.Folder);
        return (await starter.RegisterAsync(scene.ConnectionString, Test)).Checkpoint.Name;
    }

    private static async Task<JsonElement> JsonAsync(Scene scene, params string[] words)
    {
        var (code, output, json) = await TrainerProcess.RunAsync(scene, serve: null, [.. words, "--json"]);
        Assert.True(code == 0 && json.Count > 0, $"{string.Join(' ', words)} ended with {code}: {output}");
        return json[^1];
    }

    private static void Counts((int Added, int Messages, int Skipped, int Pairs) expected, JsonElement report)
    {
        int Of(string name) => report.GetProperty(name).GetInt32();
        Assert.Equal((expected.Added, expected.Messages, expected.Skipped, 0), (Of("added"), Of("messages"), Of("skipped"), Of("rejected")));
        Assert.Equal(expected.Pairs > 0, Of("judgements") > 0);
    }

    private static async Task<(JsonElement Report, List<JsonElement> Rows)> ExportAsync(Scene scene, string format)
    {
        var target = Path.Combine(scene.State, format + ".jsonl");
        var report = await JsonAsync(scene, "export", "--dataset", "trees", "--format", format, "--out", target);
        var rows = (await File.ReadAllLinesAsync(target, Test)).Select(line => JsonElement.Parse(line)).ToList();
        Assert.Equal(report.GetProperty("rows").GetInt32(), rows.Count);
        return (report, rows);
    }

    private static string? Content(JsonElement row, string part) => row.GetProperty(part)[0].GetProperty("content").GetString();

    /// <summary>A prompt that ends with a person, and parts that are one reply each; nothing else.</summary>
    private static void AssertShape(JsonElement row, params string[] replies)
    {
        Assert.Equal(["prompt", .. replies], row.EnumerateObject().Select(p => p.Name));
        var prompt = Messages(row, "prompt");
        Assert.Equal("user", prompt[^1]);
        var turns = prompt[0] == "system" ? prompt[1..] : prompt;
        Assert.All(turns.Index(), t => Assert.Equal(t.Index % 2 == 0 ? "user" : "assistant", t.Item));
        Assert.All(replies, part => Assert.Equal(["assistant"], Messages(row, part)));
    }

    private static List<string> Messages(JsonElement row, string part) => [.. row.GetProperty(part).EnumerateArray().Select(message =>
    {
        Assert.Equal(["role", "content"], message.EnumerateObject().Select(p => p.Name));
        Assert.NotEqual("", message.GetProperty("content").GetString());
        return message.GetProperty("role").GetString()!;
    })];
}
