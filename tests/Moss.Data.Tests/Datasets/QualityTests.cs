using Moss.Data.Datasets;
using Moss.Data.Judgements;

namespace Moss.Data.Tests.Datasets;

public sealed class QualityTests(Database database) : DatabaseTest(database)
{
    private static readonly FreezeRule Quality = new() { Recipe = "quality", EvalShare = 0, UntaggedShare = 0 };

    [Fact]
    public async Task Rated_replies_are_told_how_good_they_are_by_their_annotators_own_measure_and_corrections_are_high()
    {
        var (project, ada, moss) = await StartAsync();
        await Data.ImportAsync(project.Name, Loop.OpenAiLine("Replayed?", "replayed"));
        var (_, r) = await Data.AnswersAsync(project.Id, ada, moss, "Rated?", "five", "three", "one", "flagged", "corrected");
        await Data.RateAsync(r[0], ada, 5);
        await Data.RateAsync(r[1], ada, 3);
        await Data.RateAsync(r[2], ada, 1);
        await Data.RateAsync(r[3], ada, 5);
        await Data.With(db => db.FlagAsync(r[3], ada, Guid.NewGuid(), "wrong", null, Test));
        await Data.RateAsync(r[4], ada, 5);
        await Data.CorrectAsync(r[4], ada, "correction");

        var version = await Data.FreezeAsync(project.Id, Quality);

        var said = (await Data.ExamplesAsync(version)).Select(e => DatasetContent.Parse(e.Content)).Select(c => $"{c.Messages[^1].Content}: {c.Quality}");
        // Of 5, 5, 5, 3, 1 a five stands at (5 · 0.7 + 5 · 1) / 10, the three at (5 · 0.3 + 5 · 0.5) / 10, the one at (5 · 0.1) / 10.
        Assert.Equal(["correction: high", "five: high", "one: poor", "replayed: ", "three: fair"], said.Order(StringComparer.Ordinal));
        Assert.Equal("quality", version.Recipe);
        Assert.True(FreezePreview.Parse(version.Summary!).LengthCorrelation > 0);
    }

    [Fact]
    public async Task A_stated_share_of_the_good_ones_is_told_nothing_and_the_poor_ones_always_are()
    {
        var (project, ada, moss) = await StartAsync();
        for (var n = 0; n < 20; n++)
        {
            var (_, r) = await Data.AnswersAsync(project.Id, ada, moss, $"Question {n}?", $"good {n}", $"poor {n}");
            await Data.RateAsync(r[0], ada, 5);
            await Data.RateAsync(r[1], ada, 1);
        }

        var half = await TagsAsync(Quality with { UntaggedShare = 0.5 });
        var all = await TagsAsync(Quality with { UntaggedShare = 1 });

        Assert.InRange(half.Count(t => t is null), 4, 16);
        Assert.Equal((20, 20), (half.Count(t => t == "poor"), all.Count(t => t == "poor")));
        Assert.Equal(20, all.Count(t => t is null));

        async Task<List<string?>> TagsAsync(FreezeRule rule) =>
            [.. (await Data.ExamplesAsync(await Data.FreezeAsync(project.Id, rule))).Select(e => DatasetContent.Parse(e.Content).Quality)];
    }

    [Theory]
    [InlineData("""{"min_score": 3}""", "dpo", "The recipe dpo does not use min_score")]
    [InlineData("""{"score_gap": 1}""", "kto", "The recipe kto does not use score_gap")]
    [InlineData("""{"recipe": "sft"}""", "dpo", "is for the recipe sft, but dpo was asked for")]
    [InlineData("{}", "ppo", "'ppo' is not a recipe. Known: sft, quality, dpo, kto, reward")]
    [InlineData("""{"agent_share": 2}""", "reward", "agent_share is 2; it must be from 0 to 1")]
    public void A_rule_that_does_not_fit_its_recipe_is_refused(string json, string recipe, string says) =>
        Assert.Contains(says, Assert.Throws<MossInputException>(() => FreezeRule.Parse(json, recipe)).Message);

    [Fact]
    public void A_rule_is_written_with_the_fields_that_its_recipe_uses_and_read_again()
    {
        var rule = FreezeRule.Parse("""{"score_gap": 1.5}""", "dpo");
        Assert.Equal("""{"recipe":"dpo","score_gap":1.5,"smallest_edit":0.02,"rater_cap":200,"agent_share":0.5,"eval_share":0.1,"seed":0}""", rule.ToJson());
        Assert.Equal(rule, FreezeRule.Parse(rule.ToJson()));
        Assert.Equal("""{"recipe":"sft","min_score":4,"correction_repeat":8,"replay_share":1,"replay_max":1000,"eval_share":0.1,"seed":0}""", new FreezeRule().ToJson());
    }

    private async Task<(Projects.Project Project, Guid Ada, Guid Moss)> StartAsync() =>
        (await Data.ProjectAsync(), (await Data.HumanAsync()).Id, (await Data.CheckpointAsync()).Id);
}
