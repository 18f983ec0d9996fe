using Microsoft.EntityFrameworkCore;
using Moss.Data.Datasets;
using Moss.Data.Interchange;
using Moss.Data.Judgements;
using Moss.Data.Training;

namespace Moss.Data.Tests.Datasets;

public sealed class RebuildTests(Database database) : DatabaseTest(database)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Every_recipe_gives_the_same_bytes_again_whatever_was_judged_and_frozen_since(int seed)
    {
        var random = new Random(seed);
        var project = (await Data.ProjectAsync()).Id;
        var name = await Data.With(db => db.Projects.Where(p => p.Id == project).Select(p => p.Name).SingleAsync(Test));
        await Data.With(db => Importing.ImportAsync(db, SharedData.Oasst, "oasst", name, null, null, Test));
        var crowd = await CrowdAsync();
        for (var n = 0; n < 10; n++) await JudgeSomethingAsync(project, crowd, random, n);

        var first = new List<DatasetVersion>();
        foreach (var recipe in Recipes.All) first.Add(await Data.FreezeAsync(project, new FreezeRule { Recipe = recipe, EvalShare = 0.3, AgentShare = 1 }));
        for (var n = 0; n < 6; n++) await JudgeSomethingAsync(project, crowd, random, random.Next(22));
        await Data.ImportAsync(name, Loop.OpenAiLine("Late?", "late"));
        foreach (var recipe in Recipes.All) await Data.FreezeAsync(project, new FreezeRule { Recipe = recipe, EvalShare = 0.6, AgentShare = 1 });

        foreach (var version in first)
        {
            var again = await Data.FreezeAsync(project, FreezeRule.Parse(version.Query));
            Assert.Equal((version.Recipe, version.Sha256, version.Summary), (again.Recipe, again.Sha256, again.Summary));
            Assert.Equal(await LinesAsync(version), await LinesAsync(again));
            Assert.True(version.EvalCount > 0);
        }
    }

    [Fact]
    public async Task What_was_held_out_is_never_learned_later_by_any_recipe_and_its_near_duplicates_follow_it()
    {
        var (project, ada, moss) = await StartAsync();
        string Question(int n, string end = "today") => $"Please explain in a few simple words how the machine with the number {n} was built and why it is still used {end}";
        for (var n = 0; n < 30; n++) await CompareAsync(Question(n));
        var first = await Data.FreezeAsync(project, new FreezeRule { Recipe = "dpo", EvalShare = 0.3 });
        var heldOut = (await QuestionsAsync(first, Split.Eval)).ToHashSet();
        Assert.InRange(heldOut.Count, 2, 20);

        for (var n = 0; n < 30; n++) await CompareAsync(Question(n, "now")); // 15 of 17 shingles shared
        foreach (var recipe in (string[])["dpo", "reward"])
        {
            var later = await Data.FreezeAsync(project, new FreezeRule { Recipe = recipe, EvalShare = 0 });
            var eval = await QuestionsAsync(later, Split.Eval);
            Assert.Equal(heldOut.Concat(heldOut.Select(q => q.Replace("today", "now", StringComparison.Ordinal))).Order(), eval.Order());
        }

        // A person corrects a reply to a question like a held-out one: the correction is learned, and then nothing like it is examined.
        var (_, r) = await Data.AnswersAsync(project, ada, moss, heldOut.First().Replace("today", "anyway", StringComparison.Ordinal), "wrong");
        await Data.CorrectAsync(r[0], ada, "right");
        var corrected = await Data.FreezeAsync(project, new FreezeRule { Recipe = "dpo", EvalShare = 0.3 });
        Assert.Contains(await QuestionsAsync(corrected, Split.Train), q => q.EndsWith("anyway", StringComparison.Ordinal));
        Assert.DoesNotContain(heldOut.First(), (await QuestionsAsync(corrected, Split.Eval)).Concat(await QuestionsAsync(corrected, Split.Train)));
        Assert.Equal(2, FreezePreview.Parse(corrected.Summary!).LeftOutOfEval);

        async Task CompareAsync(string question)
        {
            var (_, replies) = await Data.AnswersAsync(project, ada, moss, question, "good", "bad");
            await Data.CompareAsync(replies[0], replies[1], ada, ComparisonOutcome.Left);
        }
    }

    [Fact]
    public async Task A_run_learns_only_from_a_version_of_its_own_recipe()
    {
        var (project, ada, moss) = await StartAsync();
        var (_, r) = await Data.AnswersAsync(project, ada, moss, "Q", "wrong");
        await Data.CorrectAsync(r[0], ada, "right");
        var version = await Data.FreezeAsync(project, new FreezeRule { Recipe = "dpo" });

        var refusal = await Assert.ThrowsAsync<MossInputException>(() => Data.With(db =>
            db.QueueRunAsync(Guid.CreateVersion7(), project, "sft", "{}", version.Id, moss, 0, null, null, null, Test)));
        Assert.Contains("was frozen for the recipe dpo", refusal.Message);
    }

    private async Task<(List<Guid> People, Guid Judge, Guid Moss)> CrowdAsync() =>
        ([(await Data.HumanAsync()).Id, (await Data.HumanAsync()).Id, (await Data.HumanAsync()).Id], (await Data.AgentAsync()).Id, (await Data.CheckpointAsync()).Id);

    private async Task JudgeSomethingAsync(Guid project, (List<Guid> People, Guid Judge, Guid Moss) crowd, Random random, int topic)
    {
        Guid Anyone() => crowd.People[random.Next(crowd.People.Count)];
        var (question, r) = await Data.AnswersAsync(project, Anyone(), crowd.Moss, $"How would you describe topic {topic}?", "a", "bb", "ccc", $"reply {random.Next(9)}");
        foreach (var reply in r) await Data.RateAsync(reply, Anyone(), random.Next(1, 6));
        await Data.CompareAsync(r[random.Next(2)], r[2], Anyone(), random.GetItems(Enum.GetValues<ComparisonOutcome>(), 1)[0]);
        await Data.CompareAsync(r[0], r[1], crowd.Judge, ComparisonOutcome.Left);
        await Data.CompareAsync(r[1], r[0], crowd.Judge, random.Next(3) == 0 ? ComparisonOutcome.Left : ComparisonOutcome.Right);
        var order = r.ToArray();
        random.Shuffle(order);
        await Data.RankAsync(question.Id, Anyone(), order);
        if (random.Next(4) == 0) await Data.CorrectAsync(r[random.Next(4)], Anyone(), $"correction {random.Next(99)}");
        if (random.Next(9) == 0) await Data.With(db => db.FlagAsync(r[0], Anyone(), Guid.NewGuid(), "other", null, Test));
    }

    private async Task<List<string>> LinesAsync(DatasetVersion version) => (await Data.ExamplesAsync(version)).ConvertAll(e =>
        $"{e.Ordinal} {e.Split} {e.Cluster} {e.Content} {string.Join(' ', e.Sources.Select(s => s.JudgementId ?? s.MessageId).Order())}");

    private async Task<List<string>> QuestionsAsync(DatasetVersion version, Split split) =>
        [.. (await Data.ExamplesAsync(version)).Where(e => e.Split == split).Select(e => PreferenceContent.Parse(e.Content).Prompt[^1].Content)];

    private async Task<(Guid Project, Guid Ada, Guid Moss)> StartAsync() =>
        ((await Data.ProjectAsync()).Id, (await Data.HumanAsync()).Id, (await Data.CheckpointAsync()).Id);
}
