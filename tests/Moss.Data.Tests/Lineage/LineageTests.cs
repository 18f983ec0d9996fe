using Moss.Data.Checkpoints;
using Moss.Data.Conversations;
using Moss.Data.Datasets;
using Moss.Data.Judgements;
using Moss.Data.Lineage;
using Moss.Data.Training;

namespace Moss.Data.Tests.Lineage;

public sealed class LineageTests(Database database) : DatabaseTest(database)
{
    [Fact]
    public async Task A_reply_names_the_judgements_that_taught_it_the_same_question_first()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync("Ada"), await Data.CheckpointAsync());
        var corrections = new Dictionary<string, Guid>();
        foreach (var (question, wrong, right) in new[] { ("Who wrote Faust?", "Schiller", "Goethe"), ("谁导演了《黑客帝国》？", "斯皮尔伯格", "沃卓斯基姐妹"),
            ("Who directed The Matrix?", "Steven Spielberg", "The Wachowskis"), ("Who directed Jaws?", "Lucas", "Spielberg") })
        {
            var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, question, wrong);
            corrections[question] = (await Data.With(db => db.CorrectAsync(reply.Id, ada.Id, Guid.NewGuid(), right, null, "look it up", null, Test))).Id;
        }
        var version = await Data.With(db => db.FreezeAsync(project.Id, null, new FreezeRule(), ada.Id, Test));
        var tuned = await Data.TrainAsync(version, moss);
        var (_, _, taught) = await Data.ExchangeAsync(project.Id, ada.Id, tuned.Id, "who directed  the matrix?", "The Wachowskis");

        await using var db = Data.CreateDbContext();
        var why = (await db.WhyAsync(taught.Id, 3, Test))!;

        Assert.Equal((tuned.Id, tuned.TrainingRunId, version.Id, 4), (why.Checkpoint.Id, why.Run!.Id, why.Version!.Id, why.JudgementCount));
        Assert.Equal([corrections["Who directed The Matrix?"], corrections["Who directed Jaws?"]], why.TaughtBy.Take(2).Select(t => t.JudgementId));
        Assert.Equal(3, why.TaughtBy.Count);
        var first = why.TaughtBy[0];
        Assert.Equal(("Ada", JudgementKind.Correction, "Steven Spielberg", "The Wachowskis", "look it up", true),
            (first.Annotator, first.Kind, first.Original, first.Correction, first.Comment, first.SamePrompt));
        Assert.False(why.TaughtBy[1].SamePrompt);

        Assert.Equal([tuned.Id], (await db.TaughtAsync(corrections["Who wrote Faust?"], Test)).Select(c => c.Id));
    }

    [Fact]
    public async Task What_taught_a_parent_taught_its_child_and_an_untrained_checkpoint_was_taught_by_nobody()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync(), await Data.CheckpointAsync());
        var (_, _, untaught) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "1 + 1?", "3");
        var old = await Data.With(db => db.CorrectAsync(untaught.Id, ada.Id, Guid.NewGuid(), "2", null, null, null, Test));
        var first = await Data.TrainAsync(await Data.With(db => db.FreezeAsync(project.Id, null, new FreezeRule(), null, Test)), moss);
        var replacement = await Data.With(db => db.CorrectAsync(untaught.Id, ada.Id, Guid.NewGuid(), "two", null, null, null, Test));
        var second = await Data.TrainAsync(await Data.With(db => db.FreezeAsync(project.Id, null, new FreezeRule(), null, Test)), first);
        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada.Id, second.Id, "1 + 1?", "two");

        await using var db = Data.CreateDbContext();
        var taught = await db.TaughtByAsync(second.Id, Test);

        Assert.Equal([(old.Id, 1), (replacement.Id, 0)], taught.OrderBy(t => t.At).Select(t => (t.JudgementId, t.Generations)));
        Assert.Equal([replacement.Id, old.Id], (await db.WhyAsync(reply.Id, 9, Test))!.TaughtBy.Select(t => t.JudgementId));
        Assert.Equal([first.Id, second.Id], (await db.TaughtAsync(old.Id, Test)).Select(c => c.Id));
        Assert.Equal([second.Id], (await db.TaughtAsync(replacement.Id, Test)).Select(c => c.Id));

        var nobody = (await db.WhyAsync(untaught.Id, 9, Test))!;
        Assert.Equal((moss.Id, null, null, 0), (nobody.Checkpoint.Id, nobody.Run, nobody.Version, nobody.TaughtBy.Count));
        Assert.Null(await db.WhyAsync(untaught.ParentId!.Value, 9, Test)); // nobody generated the question
    }

    [Fact]
    public async Task A_judgement_that_is_held_out_taught_nothing()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync(), await Data.CheckpointAsync());
        var question = Enumerable.Range(0, 1_000).Select(n => $"Question {n}?").First(q => SplitRule.IsHeldOut(q, 0.1));
        var (_, _, heldOut) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, question, "yes");
        var (_, _, learned) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "Corrected?", "no");
        var rating = await Data.With(db => db.RateAsync(heldOut.Id, ada.Id, Guid.NewGuid(), 5, null, null, Test));
        await Data.With(db => db.CorrectAsync(learned.Id, ada.Id, Guid.NewGuid(), "yes!", null, null, null, Test));
        var version = await Data.With(db => db.FreezeAsync(project.Id, null, new FreezeRule(), null, Test));
        var tuned = await Data.TrainAsync(version, moss);

        await using var db = Data.CreateDbContext();
        Assert.Equal((1, 1), (version.TrainCount, version.EvalCount));
        Assert.Empty(await db.TaughtAsync(rating.Id, Test));
        Assert.DoesNotContain(await db.TaughtByAsync(tuned.Id, Test), t => t.JudgementId == rating.Id);
    }

    [Fact]
    public async Task Comparisons_and_rankings_say_what_was_preferred_to_what()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), (await Data.HumanAsync()).Id, await Data.CheckpointAsync());
        var (_, compared) = await Data.AnswersAsync(project.Id, ada, moss.Id, "Compare?", "worse", "better");
        var (question, ranked) = await Data.AnswersAsync(project.Id, ada, moss.Id, "Rank?", "middle", "top", "bottom");
        await Data.CompareAsync(compared[0], compared[1], ada, ComparisonOutcome.Right);
        await Data.RankAsync(question.Id, ada, ranked[1], ranked[0], ranked[2]);
        var version = await Data.FreezeAsync(project.Id, new FreezeRule { Recipe = "dpo", EvalShare = 0 });
        var run = Guid.CreateVersion7();
        Assert.Null(await Data.RefusalAsync($"""
            INSERT INTO training_runs (id, project_id, state, recipe, settings, dataset_version_id, base_checkpoint_id, seed, attempt, step, created_at)
            VALUES ('{run}', '{project.Id}', 'Queued', 'dpo', '{"{}"}', '{version.Id}', '{moss.Id}', 0, 0, 0, now())
            """));
        await using var db = Data.CreateDbContext();
        var attempt = await db.TryClaimAsync(run, TimeSpan.FromMinutes(1), Test);
        var tuned = Database.NewCheckpoint("tuned", moss.Id, run);
        Assert.True(await db.PublishAsync(tuned, attempt!.Value, Test));

        var taught = (await db.TaughtByAsync(tuned.Id, Test)).OrderBy(t => t.Prompt, StringComparer.Ordinal);
        Assert.Equal(["Compare?: worse → better", "Rank?: bottom → top"], taught.Select(t => $"{t.Prompt}: {t.Original} → {t.Correction}"));
    }
}
