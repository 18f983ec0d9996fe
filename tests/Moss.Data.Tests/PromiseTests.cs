using Moss.Data.AgentRuns;
using Moss.Data.Conversations;
using Moss.Data.Datasets;
using Moss.Data.Deployments;
using Moss.Data.Judgements;

namespace Moss.Data.Tests;

/// <summary>What the database itself refuses, whoever asks with whatever program.</summary>
public sealed class PromiseTests(Database database) : DatabaseTest(database)
{
    [Theory]
    [InlineData("judgements", "score = 1", "Rows of judgements are only ever added")]
    [InlineData("dataset_versions", "name = 'x'", "Freeze a new version")]
    [InlineData("dataset_examples", "content = 'x'", "Freeze a new version")]
    [InlineData("dataset_example_sources", "ordinal = 7", "Freeze a new version")]
    [InlineData("deployments", "reason = 'x'", "Deploy again, or roll back")]
    [InlineData("audit_log", "who = 'x'", "Rows of audit_log are only ever added")]
    public async Task What_taught_a_model_is_neither_changed_nor_deleted_nor_emptied(string table, string change, string says)
    {
        await LoopOnceAsync();
        Assert.Contains(says, await Data.RefusalAsync($"UPDATE {table} SET {change}"));
        Assert.Contains("only ever added", await Data.RefusalAsync($"DELETE FROM {table}"));
        Assert.Contains("only ever added", await Data.RefusalAsync($"TRUNCATE {table} CASCADE"));
    }

    [Fact]
    public async Task A_finished_message_and_a_checkpoint_never_change_and_are_never_deleted()
    {
        var (reply, _) = await LoopOnceAsync();
        Assert.Contains("finished and never changes", await Data.RefusalAsync($"UPDATE messages SET text = text || '!' WHERE id = '{reply.Id}'"));
        Assert.Contains("finished and never changes", await Data.RefusalAsync($"UPDATE messages SET text = text || '!' WHERE id = '{reply.ParentId}'"));
        Assert.Contains("DELETE is refused", await Data.RefusalAsync($"DELETE FROM messages WHERE id = '{reply.Id}'"));
        Assert.Contains("has ended", await Data.RefusalAsync($"UPDATE generations SET seed = 1 WHERE message_id = '{reply.Id}'"));
        Assert.Contains("DELETE is refused", await Data.RefusalAsync("DELETE FROM generations"));
        Assert.Contains("only its state may", await Data.RefusalAsync("UPDATE checkpoints SET folder = 'elsewhere'"));
        Assert.Contains("Set its state to Retired", await Data.RefusalAsync("DELETE FROM checkpoints"));
        Assert.Null(await Data.RefusalAsync("UPDATE checkpoints SET state = 'Retired' WHERE name = (SELECT max(name) FROM checkpoints)"));
        Assert.Contains("Only the title", await Data.RefusalAsync("UPDATE conversations SET origin = 'Agent'"));
        Assert.Null(await Data.RefusalAsync("UPDATE conversations SET title = 'Films'"));
    }

    [Fact]
    public async Task A_reply_under_way_only_grows()
    {
        var (reply, moss) = await LoopOnceAsync();
        var id = Guid.CreateVersion7();
        await Data.With(db => db.BeginReplyAsync(id, reply.ConversationId, reply.ParentId!.Value, "Once", new Generation { MessageId = id, CheckpointId = moss }, Test));

        Assert.Contains("may only grow", await Data.RefusalAsync($"UPDATE messages SET text = 'Twice upon' WHERE id = '{id}'"));
        Assert.Contains("may only grow", await Data.RefusalAsync($"UPDATE messages SET text = 'On' WHERE id = '{id}'"));
        Assert.Contains("Only the text and the state", await Data.RefusalAsync($"UPDATE messages SET created_at = now() WHERE id = '{id}'"));
        Assert.Contains("checkpoint and sampling", await Data.RefusalAsync(
            $"UPDATE generations SET checkpoint_id = (SELECT id FROM checkpoints WHERE id <> '{moss}' LIMIT 1) WHERE message_id = '{id}'"));
        Assert.Null(await Data.RefusalAsync($"UPDATE messages SET text = 'Once upon', state = 'Complete' WHERE id = '{id}'"));
    }

    [Fact]
    public async Task Every_reply_that_is_neither_imported_nor_a_correction_names_the_checkpoint_that_said_it()
    {
        var (reply, _) = await LoopOnceAsync();
        Assert.Contains("has no generation", await Data.RefusalAsync($"""
            INSERT INTO messages (id, conversation_id, parent_id, role, text, state, created_at)
            VALUES ('{Guid.NewGuid()}', '{reply.ConversationId}', '{reply.ParentId}', 'Moss', 'Who said this?', 'Complete', now())
            """));
    }

    [Fact]
    public async Task A_parent_is_of_the_same_conversation_and_a_text_has_at_most_64_KB()
    {
        var (reply, _) = await LoopOnceAsync();
        var (other, _) = await LoopOnceAsync();
        const string columns = "INSERT INTO messages (id, conversation_id, parent_id, role, text, state, created_at) VALUES";
        Assert.Contains("fk_messages_messages_conversation_id_parent_id", await Data.RefusalAsync(
            $"{columns} ('{Guid.NewGuid()}', '{reply.ConversationId}', '{other.Id}', 'Human', 'x', 'Complete', now())"));
        Assert.Contains("ck_messages_size", await Data.RefusalAsync(
            $"{columns} ('{Guid.NewGuid()}', '{reply.ConversationId}', NULL, 'Human', repeat('é', 32769), 'Complete', now())"));
        Assert.Contains("ck_messages_role", await Data.RefusalAsync(
            $"{columns} ('{Guid.NewGuid()}', '{reply.ConversationId}', NULL, 'Robot', 'x', 'Complete', now())"));
    }

    [Fact]
    public async Task A_judgement_supersedes_only_its_own_kind_by_the_same_annotator()
    {
        var (reply, _) = await LoopOnceAsync();
        var (ada, bob) = (await Data.HumanAsync(), await Data.HumanAsync());
        var rating = await Data.With(db => db.RateAsync(reply.Id, ada.Id, Guid.NewGuid(), 3, null, null, Test));
        string Insert(Guid by, Guid supersedes, double score = 4) => $"""
            INSERT INTO judgements (id, kind, message_id, annotator_id, rubric_version, attribute, score, scale_min, scale_max, client_key, supersedes_id, created_at)
            VALUES ('{Guid.NewGuid()}', 'Rating', '{reply.Id}', '{by}', 1, 'overall', {score}, 1, 5, '{Guid.NewGuid()}', '{supersedes}', now())
            """;

        Assert.Contains("cannot supersede", await Data.RefusalAsync(Insert(bob.Id, rating.Id)));
        Assert.Contains("ck_judgements_rating", await Data.RefusalAsync(Insert(ada.Id, rating.Id, 6)));
        Assert.Null(await Data.RefusalAsync(Insert(ada.Id, rating.Id)));
        Assert.Contains("ix_judgements_supersedes_id", await Data.RefusalAsync(Insert(ada.Id, rating.Id))); // only once
        Assert.Contains("does not say so", await Data.RefusalAsync($"""
            INSERT INTO judgements (id, kind, message_id, annotator_id, rubric_version, correction_message_id, client_key, created_at)
            VALUES ('{Guid.NewGuid()}', 'Correction', '{reply.Id}', '{bob.Id}', 1, '{reply.ParentId}', '{Guid.NewGuid()}', now())
            """));
    }

    [Fact]
    public async Task Nothing_can_be_slipped_into_a_frozen_version()
    {
        await LoopOnceAsync();
        var version = await Data.ScalarAsync<Guid>("SELECT id FROM dataset_versions LIMIT 1");
        Assert.Contains("is frozen", await Data.RefusalAsync(
            $"INSERT INTO dataset_examples (version_id, ordinal, split, content, content_sha256) VALUES ('{version}', 999, 'Train', '{{}}', 'x')"));
        Assert.Contains("is frozen", await Data.RefusalAsync($"""
            INSERT INTO dataset_example_sources (id, version_id, ordinal, judgement_id)
            SELECT '{Guid.NewGuid()}', '{version}', 0, id FROM judgements LIMIT 1
            """));
    }

    [Fact]
    public async Task An_examination_cannot_be_slipped_into_a_dataset()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync(), await Data.CheckpointAsync());
        var run = await Data.With(db => db.QueueAgentRunAsync(Guid.CreateVersion7(), project.Id, "x", "exam@1", new string('b', 64), ScenarioSplit.Eval, 0, 1, null, Test));
        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "Q", "A", run.Id);
        var (_, _, own) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "Q", "B");
        var (version, judgement) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        var written = $"""
            INSERT INTO dataset_versions (id, project_id, name, recipe, query, sha256, train_count, eval_count, judgement_count, created_at)
                VALUES ('{version}', '{project.Id}', 'cheat', 'sft', '{"{}"}', 'x', 1, 0, 0, now());
            INSERT INTO dataset_examples (version_id, ordinal, split, cluster, content, content_sha256) VALUES ('{version}', 0, 'Train', 'c', '{"{}"}', 'x');
            """;

        Assert.Contains("exam@1 (split Eval) cannot enter a dataset", await Data.RefusalAsync(
            $"{written} INSERT INTO dataset_example_sources (id, version_id, ordinal, message_id) VALUES ('{Guid.NewGuid()}', '{version}', 0, '{reply.Id}')"));
        Assert.Contains("exam@1 (split Eval) cannot enter a dataset", await Data.RefusalAsync($"""
            {written}
            INSERT INTO judgements (id, kind, message_id, other_message_id, shown_left_id, annotator_id, rubric_version, outcome, client_key, created_at)
                VALUES ('{judgement}', 'Comparison', '{own.Id}', '{reply.Id}', '{own.Id}', '{ada.Id}', 1, 'Left', '{Guid.NewGuid()}', now());
            INSERT INTO dataset_example_sources (id, version_id, ordinal, judgement_id) VALUES ('{Guid.NewGuid()}', '{version}', 0, '{judgement}')
            """)); // a comparison with a reply of the examination
        Assert.Contains("never change", await Data.RefusalAsync($"UPDATE agent_runs SET split = 'Train' WHERE id = '{run.Id}'"));
    }

    [Fact]
    public async Task A_version_cannot_both_learn_and_hold_out_what_begins_alike_nor_learn_what_an_earlier_one_holds_out()
    {
        var project = await Data.ProjectAsync();
        string Version(Guid id, string at, params ReadOnlySpan<(string Split, string Cluster, string Content)> examples)
        {
            var rows = examples.ToArray().Index().Select(e => $"('{id}', {e.Index}, '{e.Item.Split}', {e.Item.Cluster}, '{"{}"}', '{e.Item.Content}')");
            return $"""
                INSERT INTO dataset_versions (id, project_id, name, recipe, query, sha256, train_count, eval_count, judgement_count, created_at)
                    VALUES ('{id}', '{project.Id}', '{id:N}', 'dpo', '{"{}"}', 'x', 1, 0, 0, {at});
                INSERT INTO dataset_examples (version_id, ordinal, split, cluster, content, content_sha256) VALUES {string.Join(", ", rows)};
                """;
        }

        Assert.Contains("both learns and holds out conversations that begin alike (cluster a)", await Data.RefusalAsync(
            Version(Guid.NewGuid(), "now()", ("Train", "'a'", "1"), ("Eval", "'b'", "2"), ("Eval", "'a'", "3"))));
        Assert.Contains("names the cluster", await Data.RefusalAsync(Version(Guid.NewGuid(), "now()", ("Train", "NULL", "1"))));
        Assert.Null(await Data.RefusalAsync(Version(Guid.NewGuid(), "now()", ("Train", "'a'", "1"), ("Eval", "'b'", "2"))));
        Assert.Contains("would learn an example that version", await Data.RefusalAsync(Version(Guid.NewGuid(), "now()", ("Train", "'c'", "2"))));
        Assert.Null(await Data.RefusalAsync(Version(Guid.NewGuid(), "now() - interval '1 day'", ("Train", "'c'", "2")))); // cut before, so it could not know
        Assert.Contains("ck_dataset_versions_recipe", await Data.RefusalAsync(
            Version(Guid.NewGuid(), "now()", ("Train", "'a'", "9")).Replace("'dpo'", "'magic'", StringComparison.Ordinal)));
    }

    private async Task<(Message Reply, Guid Moss)> LoopOnceAsync()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync(), await Data.CheckpointAsync());
        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "Q", "wrong");
        await Data.With(db => db.RateAsync(reply.Id, ada.Id, Guid.NewGuid(), 1, null, null, Test));
        await Data.With(db => db.CorrectAsync(reply.Id, ada.Id, Guid.NewGuid(), "right", null, null, null, Test));
        var tuned = await Data.TrainAsync(await Data.With(db => db.FreezeAsync(project.Id, null, new FreezeRule(), null, Test)), moss);
        await Data.With(db => db.DeployAsync(Deployment.Champion, tuned.Id, "it is better", ada.Id, Test));
        return (reply, moss.Id);
    }
}
