using Microsoft.EntityFrameworkCore;
using Moss.Data.Datasets;
using Moss.Data.Interchange;

namespace Moss.Data.Tests.Datasets;

public sealed class OasstPreferenceTests(Database database) : DatabaseTest(database)
{
    [Fact]
    public async Task The_ranks_of_100_trees_make_754_preferences_split_by_tree_of_which_the_longer_reply_wins_526()
    {
        await using var db = Data.CreateDbContext();
        await Importing.ImportAsync(db, SharedData.Oasst, "oasst", "oasst", null, null, Test);
        var project = await db.Projects.SingleAsync(p => p.Name == "oasst", Test);
        var rule = new FreezeRule { Recipe = "dpo", EvalShare = 0.2 };
        var version = await db.FreezeAsync(project.Id, null, rule, null, Test);
        var reward = await db.FreezeAsync(project.Id, null, rule with { Recipe = "reward", Until = version.CreatedAt }, null, Test);

        Assert.Equal(754, version.TrainCount + version.EvalCount);
        Assert.InRange(version.EvalCount, 50, 300);
        Assert.Equal(212, version.JudgementCount);
        var summary = FreezePreview.Parse(version.Summary!);
        Assert.Equal("69.8 % (526 of 754; 95 % interval 66.4 to 72.9 %)", summary.LongerWins!.ToString());
        Assert.Equal((754, version.EvalCount), (summary.Ranked, summary.LongerWinsHeldOut!.Of));
        Assert.InRange(summary.LengthCorrelation!.Value, 0.1, 0.5);
        Assert.Equal((version.TrainCount, version.EvalCount), (reward.TrainCount, reward.EvalCount));

        var sides = await db.Database.SqlQuery<int>($"""
            SELECT count(DISTINCT e.split)::int AS "Value"
            FROM dataset_examples e
            JOIN dataset_example_sources s ON s.version_id = e.version_id AND s.ordinal = e.ordinal
            JOIN judgements j ON j.id = s.judgement_id JOIN messages m ON m.id = j.message_id
            WHERE e.version_id = {version.Id} GROUP BY m.conversation_id
            """).ToListAsync(Test);
        Assert.All(sides, s => Assert.Equal(1, s));

        var groups = (await Data.ExamplesAsync(version)).Select(e => (e.Split, Content: PreferenceContent.Parse(e.Content))).GroupBy(e => e.Content.Group).ToList();
        Assert.Equal(212, groups.Count);
        Assert.All(groups, g => Assert.Single(g.Select(e => e.Split).Distinct()));
        Assert.All(groups, g => // k(k − 1)/2 preferences of weight 1/(k − 1): a ranking of k weighs k/2
        {
            var k = g.SelectMany(e => new[] { e.Content.Chosen, e.Content.Rejected }).Distinct().Count();
            Assert.Equal(k * (k - 1) / 2, g.Count());
            Assert.Equal(k / 2.0, g.Sum(e => e.Content.Weight), 4);
        });
    }

    [Fact]
    public async Task The_same_ranks_make_as_many_desirable_as_undesirable_replies()
    {
        await using var db = Data.CreateDbContext();
        await Importing.ImportAsync(db, SharedData.Oasst, "oasst", "oasst-kto", null, null, Test);
        var project = await db.Projects.SingleAsync(p => p.Name == "oasst-kto", Test);
        var version = await db.FreezeAsync(project.Id, null, new FreezeRule { Recipe = "kto" }, null, Test);

        var summary = FreezePreview.Parse(version.Summary!);
        Assert.Equal((212, 212, 424), (summary.Desirable, summary.Undesirable, version.TrainCount + version.EvalCount));
    }
}
