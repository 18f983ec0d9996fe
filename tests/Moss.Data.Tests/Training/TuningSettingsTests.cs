using System.Text.Json;
using Moss.Data.Training;

namespace Moss.Data.Tests.Training;

public class TuningSettingsTests
{
    public static TheoryData<string> All => [.. Recipes.All];

    [Theory, MemberData(nameof(All))]
    public void A_recipe_has_at_most_twelve_settings_each_with_unit_meaning_and_source(string recipe)
    {
        var described = TuningSettings.Describe(recipe);
        Assert.InRange(described.Count, 1, 12);
        Assert.All(described, s => Assert.DoesNotContain("", new[] { s.Name, s.Unit, s.Meaning, s.Source, s.Default }));

        // Exactly the keys that are read, and the defaults that are taken.
        var type = TuningSettings.DefaultsOf(recipe).GetType();
        var keys = type.GetProperties().Where(p => p.CanWrite).Select(p => JsonNamingPolicy.SnakeCaseLower.ConvertName(p.Name));
        Assert.Equal(keys.Order(StringComparer.Ordinal), described.Select(s => s.Name).Order(StringComparer.Ordinal));
        using var defaults = JsonDocument.Parse(TuningSettings.DefaultsOf(recipe).ToJson());
        Assert.All(described, s => Assert.Equal(s.Default,
            defaults.RootElement.TryGetProperty(s.Name, out var value) ? value.GetRawText() : SettingDescription.Automatic));
    }

    [Theory, MemberData(nameof(All))]
    public void Every_described_setting_is_refused_outside_its_range_and_taken_at_its_ends(string recipe)
    {
        foreach (var setting in TuningSettings.Describe(recipe))
        {
            var (batch, most) = setting.Name == "micro_batch_size" ? ("\"batch_size\":4096,", setting.Most) : ("", setting.Most);
            _ = Parse(setting.Least);
            _ = Parse(most);
            Assert.Contains(setting.Name, Assert.Throws<MossInputException>(() => Parse(setting.Least - 1)).Message, StringComparison.Ordinal);
            Assert.Contains(setting.Name, Assert.Throws<MossInputException>(() => Parse(most + 1)).Message, StringComparison.Ordinal);

            TuningSettings Parse(double value) => TuningSettings.Parse(recipe, $$"""{{{batch}}"{{setting.Name}}":{{JsonSerializer.Serialize(value)}}}""");
        }
    }

    [Theory]
    [InlineData("dpo", """{"steps":5}""", "steps")]
    [InlineData("kto", """{"label_smoothing":0.1}""", "label_smoothing")]
    [InlineData("reward", """{"beta":0.1}""", "beta")]
    [InlineData("sft", """{"beta":0.1}""", "beta")]
    [InlineData("sft", """{"batch_size":8,"micro_batch_size":9}""", "from 1 to 8")]
    [InlineData("ppo", "{}", "ppo")]
    public void A_setting_of_another_recipe_is_unknown(string recipe, string json, string named) =>
        Assert.Contains(named, Assert.Throws<MossInputException>(() => TuningSettings.Parse(recipe, json)).Message, StringComparison.Ordinal);

    [Theory, MemberData(nameof(All))]
    public void Settings_come_back_as_they_went(string recipe)
    {
        var settings = TuningSettings.Parse(recipe, """{"epochs":2.5,"lora_rank":8,"peak_learning_rate":2e-4}""");
        Assert.Equal(settings, TuningSettings.Parse(recipe, settings.ToJson()));
    }

    [Fact]
    public void Settings_that_were_stored_before_there_were_other_recipes_are_still_read()
    {
        var old = SftSettings.Parse("""
            {"epochs":3,"max_steps":1000,"peak_learning_rate":0.0003,"warmup_fraction":0.05,"batch_size":16,"micro_batch_size":16,"max_tokens":1024,
             "weight_decay":0.01,"clip_norm":1,"checkpoint_every":20}
            """);
        Assert.Equal(new SftSettings { PeakLearningRate = 3e-4, MicroBatchSize = 16 }, old);
    }

    [Theory]
    [InlineData("sft", false, 7_000_000_000, 1e-5)]
    [InlineData("sft", true, 7_000_000_000, 1e-4)]
    [InlineData("dpo", false, 7_000_000_000, 5e-7)]
    [InlineData("kto", true, 1_000_000_000, 5e-6)]
    public void The_learning_rate_of_large_checkpoints_is_the_published_one(string recipe, bool lora, long parameters, double expected) =>
        Assert.Equal(expected, AutomaticLearningRate.For(recipe, lora, parameters), 12);

    [Theory, MemberData(nameof(All))]
    public void The_smaller_the_checkpoint_the_higher_the_learning_rate_and_an_adapter_takes_a_higher_one(string recipe)
    {
        long[] sizes = [100_000, 2_000_000, 124_000_000, 600_000_000, 70_000_000_000];
        foreach (var (small, large) in sizes.Zip(sizes.Skip(1)))
            Assert.True(AutomaticLearningRate.For(recipe, false, small) >= AutomaticLearningRate.For(recipe, false, large));
        Assert.All(sizes, size => Assert.True(AutomaticLearningRate.For(recipe, true, size) > AutomaticLearningRate.For(recipe, false, size)));
    }
}
