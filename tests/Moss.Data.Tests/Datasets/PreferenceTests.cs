using System.Text.Json;
using Moss.Data.Datasets;
using Moss.Data.Judgements;
using Moss.Data.Projects;

namespace Moss.Data.Tests.Datasets;

public sealed class PreferenceTests(Database database) : DatabaseTest(database)
{
    private static readonly FreezeRule Dpo = new() { Recipe = "dpo", EvalShare = 0 };

    [Fact]
    public async Task A_comparison_makes_the_winner_chosen_whichever_side_it_was_on()
    {
        var (project, ada, moss) = await StartAsync();
        var (_, first) = await Data.AnswersAsync(project.Id, ada, moss, "Which is the largest ocean?", "The Pacific.", "The Atlantic.");
        var (_, second) = await Data.AnswersAsync(project.Id, ada, moss, "Which is the longest river?", "The Rhine.", "The Nile.");
        var judged = new[]
        {
            await Data.CompareAsync(first[1], first[0], ada, ComparisonOutcome.Right),
            await Data.CompareAsync(second[0], second[1], ada, ComparisonOutcome.Right),
        };

        var version = await Data.FreezeAsync(project.Id, Dpo);

        var examples = await Data.ExamplesAsync(version);
        Assert.Equal(
            ["""{"prompt":[{"role":"user","content":"Which is the largest ocean?"}],"chosen":"The Pacific.","rejected":"The Atlantic.","kind":"comparison","source":"human","weight":1,"soft":1,"nll":false,"group":"GROUP"}""",
                """{"prompt":[{"role":"user","content":"Which is the longest river?"}],"chosen":"The Nile.","rejected":"The Rhine.","kind":"comparison","source":"human","weight":1,"soft":1,"nll":false,"group":"GROUP"}"""],
            examples.Select(e => e.Content.Replace(PreferenceContent.Parse(e.Content).Group, "GROUP", StringComparison.Ordinal)));
        Assert.Equal(judged, examples.Select(e => Assert.Single(e.Sources).JudgementId!.Value));
        Assert.Equal(("dpo", 2, 2), (version.Recipe, version.TrainCount, version.JudgementCount));
    }

    [Fact]
    public async Task Ties_and_two_bad_ones_make_no_preference_and_are_counted()
    {
        var (project, ada, moss) = await StartAsync();
        var (_, tie) = await Data.AnswersAsync(project.Id, ada, moss, "Tie?", "one", "two");
        var (_, bad) = await Data.AnswersAsync(project.Id, ada, moss, "Both bad?", "three", "four");
        await Data.CompareAsync(tie[0], tie[1], ada, ComparisonOutcome.Tie);
        await Data.CompareAsync(bad[0], bad[1], ada, ComparisonOutcome.BothBad);

        var preview = await PreviewAsync(project, Dpo);
        Assert.Equal((0, 1, 1), (preview.Train, preview.LeftOutTies, preview.LeftOutBothBad));
        Assert.Contains("nothing to learn from yet", (await Assert.ThrowsAsync<MossInputException>(() => Data.FreezeAsync(project.Id, Dpo))).Message);
    }

    [Fact]
    public async Task What_annotators_disagree_about_becomes_a_soft_preference_and_an_even_split_none()
    {
        var (project, ada, moss) = await StartAsync();
        var others = new[] { (await Data.HumanAsync()).Id, (await Data.HumanAsync()).Id, (await Data.HumanAsync()).Id };
        var (_, replies) = await Data.AnswersAsync(project.Id, ada, moss, "Soft?", "better", "worse");
        var (_, even) = await Data.AnswersAsync(project.Id, ada, moss, "Even?", "this", "that");
        await Data.CompareAsync(replies[0], replies[1], ada, ComparisonOutcome.Left);
        await Data.CompareAsync(replies[1], replies[0], others[0], ComparisonOutcome.Right);
        await Data.CompareAsync(replies[0], replies[1], others[1], ComparisonOutcome.Left);
        await Data.CompareAsync(replies[0], replies[1], others[2], ComparisonOutcome.Right);
        await Data.CompareAsync(even[0], even[1], ada, ComparisonOutcome.Left);
        await Data.CompareAsync(even[0], even[1], others[0], ComparisonOutcome.Right);

        var version = await Data.FreezeAsync(project.Id, Dpo);

        var preference = Assert.Single(await Data.PreferencesAsync(version));
        Assert.Equal(("better", 0.75, 0.5), (preference.Chosen, preference.Soft, preference.Weight));
        Assert.Equal(4, Assert.Single(await Data.ExamplesAsync(version)).Sources.Count); // the dissenting one too: it made it soft
        Assert.Equal(1, FreezePreview.Parse(version.Summary!).LeftOutDisputed);
    }

    [Fact]
    public async Task One_annotator_asked_twice_in_swapped_order_is_one_opinion_and_none_when_they_contradict_themselves()
    {
        var (project, ada, moss) = await StartAsync();
        var bob = (await Data.HumanAsync()).Id;
        var (_, same) = await Data.AnswersAsync(project.Id, ada, moss, "Twice?", "good", "bad");
        var (_, wavers) = await Data.AnswersAsync(project.Id, ada, moss, "Wavers?", "left", "right");
        await Data.CompareAsync(same[0], same[1], ada, ComparisonOutcome.Left);
        await Data.CompareAsync(same[1], same[0], ada, ComparisonOutcome.Right);
        await Data.CompareAsync(same[0], same[1], bob, ComparisonOutcome.Right);
        await Data.CompareAsync(wavers[0], wavers[1], ada, ComparisonOutcome.Left);
        await Data.CompareAsync(wavers[1], wavers[0], ada, ComparisonOutcome.Left);

        // Counted as two, Ada would outvote Bob.
        var preview = await PreviewAsync(project, Dpo);
        Assert.Equal((0, 1, 1), (preview.Train, preview.LeftOutDisputed, preview.LeftOutInconsistent));
    }

    [Fact]
    public async Task A_ranking_of_k_replies_makes_all_its_preferences_with_weight_1_over_k_minus_1_in_one_group()
    {
        var (project, ada, moss) = await StartAsync();
        var (question, r) = await Data.AnswersAsync(project.Id, ada, moss, "Rank?", "first", "second", "third", "fourth");
        var ranking = await Data.RankAsync(question.Id, ada, r[2], r[0], r[3], r[1]);

        var version = await Data.FreezeAsync(project.Id, Dpo with { Recipe = "reward" });

        var preferences = await Data.PreferencesAsync(version);
        Assert.Equal(
            ["first>fourth", "first>second", "fourth>second", "third>first", "third>fourth", "third>second"], preferences.Select(p => $"{p.Chosen}>{p.Rejected}"));
        Assert.All(preferences, p => Assert.Equal((PreferenceKind.Ranking, 0.333333, 1.0), (p.Kind, p.Weight, p.Soft)));
        Assert.Single(preferences.Select(p => p.Group).Distinct());
        Assert.All(await Data.ExamplesAsync(version), e => Assert.Equal(ranking, Assert.Single(e.Sources).JudgementId));
    }

    [Fact]
    public async Task Equal_and_absent_ranks_of_an_import_make_no_preference()
    {
        var project = await Data.ProjectAsync();
        object Node(string id, int? rank) => new { message_id = id, parent_id = "q", text = $"answer {id}", role = "assistant", rank };
        var prompt = new { message_id = "q", text = "Why?", role = "prompter", lang = "en", replies = new[] { Node("a", 0), Node("b", 1), Node("c", 1), Node("d", null) } };
        await Data.ImportAsync(project.Name, JsonSerializer.Serialize(new { message_tree_id = "q", tree_state = "ready_for_export", prompt }), "oasst");

        var version = await Data.FreezeAsync(project.Id, Dpo);

        Assert.Equal(["answer a>answer b 0.5", "answer a>answer c 0.5"],
            (await Data.PreferencesAsync(version)).Select(p => FormattableString.Invariant($"{p.Chosen}>{p.Rejected} {p.Weight}")));
        Assert.All(await Data.ExamplesAsync(version), e => Assert.All(e.Sources, s => Assert.NotNull(s.MessageId))); // there is no ranking to name
    }

    [Fact]
    public async Task Ratings_make_preferences_only_within_one_annotator_and_with_a_wide_enough_gap()
    {
        var (project, ada, moss) = await StartAsync();
        var bob = (await Data.HumanAsync()).Id;
        var (_, r) = await Data.AnswersAsync(project.Id, ada, moss, "Rate?", "five", "four", "two", "one by Bob");
        var five = await Data.RateAsync(r[0], ada, 5);
        await Data.RateAsync(r[1], ada, 4);
        var two = await Data.RateAsync(r[2], ada, 2);
        await Data.RateAsync(r[3], bob, 1);

        var version = await Data.FreezeAsync(project.Id, Dpo);

        var preferences = await Data.PreferencesAsync(version);
        Assert.Equal(["five>two", "four>two"], preferences.Select(p => $"{p.Chosen}>{p.Rejected}"));
        Assert.All(preferences, p => Assert.Equal((PreferenceKind.Rating, 0.5), (p.Kind, p.Weight)));
        Assert.Equal(new[] { five, two }.Order(), (await Data.ExamplesAsync(version))[0].Sources.Select(s => s.JudgementId!.Value).Order());
        Assert.Equal(1, (await PreviewAsync(project, Dpo with { ScoreGap = 3 })).Train);
    }

    [Fact]
    public async Task A_correction_is_chosen_over_what_it_corrects_and_its_words_are_worth_learning_unless_it_hardly_changes_them()
    {
        var (project, ada, moss) = await StartAsync();
        var (_, r) = await Data.AnswersAsync(project.Id, ada, moss, "Who directed The Matrix?", "Steven Spielberg.");
        var (_, long_) = await Data.AnswersAsync(project.Id, ada, moss, "Tell me a story.", $"{new string('x', 200)}. The end");
        var (_, spaces) = await Data.AnswersAsync(project.Id, ada, moss, "And another?", "Once upon a time");
        await Data.CorrectAsync(r[0], ada, "The Wachowskis.");
        await Data.CorrectAsync(long_[0], ada, $"{new string('x', 200)}. The end!");
        await Data.CorrectAsync(spaces[0], ada, "Once  upon a TIME");

        var version = await Data.FreezeAsync(project.Id, Dpo);

        var preference = Assert.Single(await Data.PreferencesAsync(version));
        Assert.Equal(("The Wachowskis.", "Steven Spielberg.", PreferenceKind.Correction, true), (preference.Chosen, preference.Rejected, preference.Kind, preference.Nll));
        Assert.Equal(2, FreezePreview.Parse(version.Summary!).LeftOutEqual);
    }

    [Fact]
    public async Task What_goes_round_in_a_circle_is_left_out_and_what_leads_into_it_is_not()
    {
        var (project, ada, moss) = await StartAsync();
        var (bob, cy) = ((await Data.HumanAsync()).Id, (await Data.HumanAsync()).Id);
        var (_, r) = await Data.AnswersAsync(project.Id, ada, moss, "Circle?", "a", "b", "c", "top");
        await Data.CompareAsync(r[0], r[1], ada, ComparisonOutcome.Left);
        await Data.CompareAsync(r[1], r[2], bob, ComparisonOutcome.Left);
        await Data.CompareAsync(r[2], r[0], cy, ComparisonOutcome.Left);
        await Data.CompareAsync(r[3], r[0], ada, ComparisonOutcome.Left);

        var version = await Data.FreezeAsync(project.Id, Dpo);

        Assert.Equal(["top>a"], (await Data.PreferencesAsync(version)).Select(p => $"{p.Chosen}>{p.Rejected}"));
        Assert.Equal(3, FreezePreview.Parse(version.Summary!).LeftOutCircles);
    }

    [Fact]
    public async Task Replies_that_say_the_same_or_answer_different_prompts_never_pair()
    {
        var (project, ada, moss) = await StartAsync();
        var (_, same) = await Data.AnswersAsync(project.Id, ada, moss, "Same?", "Yes.", " YES. ");
        var (_, one) = await Data.AnswersAsync(project.Id, ada, moss, "One?", "1", "one");
        var (_, two) = await Data.AnswersAsync(project.Id, ada, moss, "Two?", "2", "two");
        await Data.CompareAsync(same[0], same[1], ada, ComparisonOutcome.Left);
        await Data.CompareAsync(one[0], one[1], ada, ComparisonOutcome.Left);
        Assert.Contains("the same message", (await Assert.ThrowsAsync<MossInputException>(() => Data.CompareAsync(one[0], two[0], ada, ComparisonOutcome.Left))).Message);
        Assert.Null(await Data.RefusalAsync($"""
            INSERT INTO judgements (id, kind, message_id, other_message_id, shown_left_id, annotator_id, rubric_version, outcome, client_key, created_at)
            VALUES ('{Guid.NewGuid()}', 'Comparison', '{one[0]}', '{two[0]}', '{one[0]}', '{ada}', 1, 'Left', '{Guid.NewGuid()}', now())
            """));

        var version = await Data.FreezeAsync(project.Id, Dpo);

        Assert.Equal(["1>one"], (await Data.PreferencesAsync(version)).Select(p => $"{p.Chosen}>{p.Rejected}"));
        var summary = FreezePreview.Parse(version.Summary!);
        Assert.Equal((1, 1), (summary.LeftOutEqual, summary.LeftOutPrompts));
    }

    [Fact]
    public async Task Flagged_and_corrected_replies_are_never_chosen()
    {
        var (project, ada, moss) = await StartAsync();
        var (_, flagged) = await Data.AnswersAsync(project.Id, ada, moss, "Flagged?", "private", "harmless");
        var (_, corrected) = await Data.AnswersAsync(project.Id, ada, moss, "Who made Jaws?", "Kubrick made Jaws.", "Nobody.");
        await Data.CompareAsync(flagged[0], flagged[1], ada, ComparisonOutcome.Left);
        await Data.With(db => db.FlagAsync(flagged[0], ada, Guid.NewGuid(), "private", null, Test));
        await Data.CompareAsync(corrected[0], corrected[1], ada, ComparisonOutcome.Left);
        await Data.CorrectAsync(corrected[0], ada, "Spielberg made Jaws.");

        var version = await Data.FreezeAsync(project.Id, Dpo);

        Assert.Equal(["Spielberg made Jaws.>Kubrick made Jaws."], (await Data.PreferencesAsync(version)).Select(p => $"{p.Chosen}>{p.Rejected}"));
        var summary = FreezePreview.Parse(version.Summary!);
        Assert.Equal((1, 1), (summary.LeftOutBad, summary.LeftOutCorrected));
    }

    [Fact]
    public async Task An_agent_counts_only_when_it_says_the_same_in_both_orders_and_only_for_its_share()
    {
        var (project, ada, moss) = await StartAsync();
        var judge = (await Data.AgentAsync()).Id;
        var (_, once) = await Data.AnswersAsync(project.Id, ada, moss, "Once?", "a1", "b1");
        var (_, wavers) = await Data.AnswersAsync(project.Id, ada, moss, "Wavers?", "a2", "b2");
        await Data.CompareAsync(once[0], once[1], judge, ComparisonOutcome.Left);
        await Data.CompareAsync(wavers[0], wavers[1], judge, ComparisonOutcome.Left);
        await Data.CompareAsync(wavers[1], wavers[0], judge, ComparisonOutcome.Left);
        for (var n = 3; n < 6; n++)
        {
            var (_, r) = await Data.AnswersAsync(project.Id, ada, moss, $"Steady {n}?", $"a{n}", $"b{n}");
            await Data.CompareAsync(r[0], r[1], judge, ComparisonOutcome.Left);
            await Data.CompareAsync(r[1], r[0], judge, ComparisonOutcome.Right);
        }
        var (_, human) = await Data.AnswersAsync(project.Id, ada, moss, "Human?", "yes", "no");
        await Data.CompareAsync(human[0], human[1], ada, ComparisonOutcome.Left);

        var half = await Data.FreezeAsync(project.Id, Dpo);
        var all = await Data.FreezeAsync(project.Id, Dpo with { AgentShare = 1 });

        Assert.Equal([EvidenceSource.Human, EvidenceSource.Agent], (await Data.PreferencesAsync(half)).Select(p => p.Source).Order());
        Assert.Equal((2, 2), (FreezePreview.Parse(half.Summary!).LeftOutAgents, FreezePreview.Parse(half.Summary!).LeftOutInconsistent));
        var agents = (await Data.PreferencesAsync(all)).Where(p => p.Source == EvidenceSource.Agent).ToList();
        Assert.Equal(["a3", "a4", "a5"], agents.Select(p => p.Chosen).Order());
        Assert.All(agents, p => Assert.Equal(0.314, p.Weight)); // 2 · 0.657 − 1: never met a person's opinion
        Assert.All((await Data.ExamplesAsync(all)).Where(e => e.Content.Contains("\"agent\"", StringComparison.Ordinal)), e => Assert.Equal(2, e.Sources.Count));
    }

    [Fact]
    public async Task Of_one_annotators_judgements_of_a_day_only_the_first_ones_count()
    {
        var (project, ada, moss) = await StartAsync();
        for (var n = 0; n < 5; n++)
        {
            var (_, r) = await Data.AnswersAsync(project.Id, ada, moss, $"Question {n}?", $"good {n}", $"bad {n}");
            await Data.CompareAsync(r[0], r[1], ada, ComparisonOutcome.Left);
        }

        var preview = await PreviewAsync(project, Dpo with { RaterCap = 3 });
        Assert.Equal((3, 2), (preview.Compared, preview.LeftOutCapped));
    }

    [Fact]
    public async Task A_comparison_changed_later_supersedes_the_earlier_one_and_a_ranking_too()
    {
        var (project, ada, moss) = await StartAsync();
        var (question, r) = await Data.AnswersAsync(project.Id, ada, moss, "Changed?", "first", "second");
        var first = await Data.CompareAsync(r[0], r[1], ada, ComparisonOutcome.Left);
        var second = await Data.With(db => db.CompareAsync(r[0], r[1], ada, Guid.NewGuid(), ComparisonOutcome.Right, 2, "on second thoughts", 900, Test));
        Assert.Equal(first, second.SupersedesId);
        Assert.Equal("second>first", Assert.Single(await Data.PreferencesAsync(await Data.FreezeAsync(project.Id, Dpo))) is var p ? $"{p.Chosen}>{p.Rejected}" : "");

        var ranking = await Data.RankAsync(question.Id, ada, r[0], r[1]);
        var again = await Data.With(db => db.RankAsync(question.Id, ada, Guid.NewGuid(), [r[1], r[0]], null, null, Test));
        Assert.Equal(ranking, again.SupersedesId);
        await Assert.ThrowsAsync<MossInputException>(() => Data.RankAsync(question.Id, ada, r[0]));
        await Assert.ThrowsAsync<MossInputException>(() => Data.RankAsync(question.Id, ada, r[0], r[0]));
        await Assert.ThrowsAsync<MossInputException>(() => Data.RankAsync(r[0], ada, r[0], r[1]));
    }

    private Task<FreezePreview> PreviewAsync(Project project, FreezeRule rule) => Data.With(db => db.PreviewAsync(project.Id, rule, Test));

    private async Task<(Project Project, Guid Ada, Guid Moss)> StartAsync() =>
        (await Data.ProjectAsync(), (await Data.HumanAsync()).Id, (await Data.CheckpointAsync()).Id);
}
