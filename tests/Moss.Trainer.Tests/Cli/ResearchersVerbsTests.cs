using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Conversations;
using Moss.Data.Training;
using Moss.Trainer.Tests.AgentRuns;
using Moss.Trainer.Tests.Setup;

namespace Moss.Trainer.Tests.Cli;

public class ResearchersVerbsTests(PostgresServer server)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_loop_can_be_walked_with_verbs_that_print_the_rows_they_make()
    {
        using var scene = await Scene.OpenAsync(server);
        await using var moss = await ScriptedMoss.StartAsync(scene.Tiny.Id, "Steven Spielberg.");
        var file = Path.Combine(scene.State, "chats.jsonl");
        await File.WriteAllLinesAsync(file, Enumerable.Range(0, 3).Select(i =>
            $$$"""{"messages":[{"role":"user","content":"question {{{i}}}"},{"role":"assistant","content":"answer {{{i}}}"}]}"""), Test);

        Assert.Equal(3, (await JsonAsync("import", file, "--format", "openai")).GetProperty("added").GetInt32());
        Assert.Equal(0, (await JsonAsync("import", file)).GetProperty("added").GetInt32());

        var asked = await JsonAsync("ask", "Who directed The Matrix?", "--as", "Grace");
        Assert.Equal("Steven Spielberg.", asked.GetProperty("text").GetString());
        var reply = asked.GetProperty("reply_id").GetString()!;
        Assert.Equal("Grace", (await JsonAsync("correct", reply, "The Wachowskis.", "--as", "Grace")).GetProperty("annotator").GetString());

        var version = await JsonAsync("freeze", "--name", "first");
        Assert.Equal(("first", 1), (version.GetProperty("name").GetString(), version.GetProperty("judgements").GetInt32()));
        var exported = Path.Combine(scene.State, "out.jsonl");
        Assert.Equal(1, (await JsonAsync("export", "--dataset", "first", "--format", "trl-dpo", "--out", exported)).GetProperty("rows").GetInt32());
        Assert.Contains("The Wachowskis.", await File.ReadAllTextAsync(exported, Test), StringComparison.Ordinal);

        var preferences = await JsonAsync("freeze", "--recipe", "dpo", "--name", "second", "--rule", """{"eval_share":0}""");
        Assert.Equal(("dpo", 1), (preferences.GetProperty("recipe").GetString(), preferences.GetProperty("train_examples").GetInt32()));
        var longer = preferences.GetProperty("summary").GetProperty("longer_wins");
        Assert.Equal((0, 1), (longer.GetProperty("count").GetInt32(), longer.GetProperty("of").GetInt32()));
        Assert.Equal(1, (await JsonAsync("export", "--dataset", "second", "--format", "trl-dpo", "--out", exported)).GetProperty("rows").GetInt32());

        var run = (await JsonAsync("tune", "sft", "--dataset", "first", "--settings", """{"steps":3}""", "--detach")).GetProperty("run_id").GetGuid();
        Assert.Equal("queued", (await JsonAsync("runs")).GetProperty("state").GetString());
        Assert.True((await JsonAsync("cancel", run.ToString())).GetProperty("cancel_requested").GetBoolean());
        Assert.Equal(RunState.Canceled, (await scene.RunAsync(run)).State);

        Assert.Equal("tiny", (await JsonAsync("lineage", reply)).GetProperty("checkpoint").GetString());
        Assert.Equal("challenger", (await JsonAsync("deploy", "tiny", "--name", "challenger", "--detach")).GetProperty("name").GetString());

        async Task<JsonElement> JsonAsync(params string[] words)
        {
            var (code, output, json) = await TrainerProcess.RunAsync(scene, moss.Address, [.. words, "--json"]);
            Assert.True(code == 0 && json.Count == 1, $"{string.Join(' ', words)} ended with {code}: {output}");
            return json[0];
        }
    }

    [Fact]
    public async Task What_cannot_be_is_said_in_a_sentence_and_ends_with_another_code()
    {
        using var scene = await Scene.OpenAsync(server);
        var broken = Path.Combine(scene.State, "broken.jsonl");
        await File.WriteAllTextAsync(broken, """
            {"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}
            {"messages":[{"role":"wizard","content":"a"}]}
            """, Test);
        var scenario = Path.Combine(scene.State, "bad.yaml");
        await File.WriteAllTextAsync(scenario, ScenarioTexts.Frame("  - { user: hi, says: hi }"), Test);

        await RefusedAsync("line 2", "import", broken, "--format", "openai");
        Assert.Equal(0, await scene.With(db => db.Conversations.CountAsync(Test)));
        await RefusedAsync("bad.yaml: Line 9, column 17: the key 'says' is unknown in a turn", "dialogue", scenario, "--dry-run");
        await RefusedAsync("Only one checkpoint was ever deployed as champion", "rollback");
        await RefusedAsync("has no dataset version yet", "tune");
        await RefusedAsync("The recipe dpo does not use min_score", "freeze", "--recipe", "dpo", "--rule", """{"min_score":3}""");
        await RefusedAsync("There is no checkpoint 'nobody'", "lineage", "nobody");
        await RefusedAsync("cannot be reached", "ask", "hello");
        Assert.Equal(1, await scene.With(db => db.Messages.CountAsync(m => m.Role == Role.Human, Test))); // what was asked is kept

        async Task RefusedAsync(string says, params string[] words)
        {
            var (code, output, _) = await TrainerProcess.RunAsync(scene, serve: null, words);
            Assert.NotEqual(0, code);
            Assert.Contains(says, output, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("   at ", output, StringComparison.Ordinal); // no stack trace
        }
    }

    [Theory]
    [InlineData("up")]
    [InlineData("runs")]
    public async Task A_database_that_cannot_be_used_is_said_in_a_sentence_that_keeps_its_password(string verb)
    {
        using var scene = await Scene.OpenAsync(server);
        await SaysAsync("postgres://moss:s3cret@localhost/moss", "MOSS_DB is not a connection string");
        await SaysAsync("Host=127.0.0.1;Port=9;Username=moss;Password=s3cret;Database=moss", "See that it runs, and that MOSS_DB names it");

        async Task SaysAsync(string database, string says)
        {
            await using var process = TrainerProcess.Start(scene, [verb], database: database);
            Assert.Equal(1, await process.EndAsync());
            Assert.Contains(says, process.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("s3cret", process.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", process.Output, StringComparison.Ordinal); // no stack trace
        }
    }

    [Fact]
    public async Task A_dry_run_counts_and_sends_nothing()
    {
        using var scene = await Scene.OpenAsync(server);
        var file = Path.Combine(scene.State, "nine.yaml");
        await File.WriteAllTextAsync(file, ScenarioTexts.Example9, Test);

        var (code, _, json) = await TrainerProcess.RunAsync(scene, serve: null, "dialogue", file, "--dry-run", "--json");

        Assert.Equal((0, 6, 9), (code, json[0].GetProperty("turns").GetInt32(), json[0].GetProperty("checks").GetInt32()));
        Assert.Equal(0, await scene.With(db => db.AgentRuns.CountAsync(Test)));
    }
}
