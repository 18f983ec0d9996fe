using Moss.Data.Datasets;
using Moss.Data.Interchange;
using Moss.Data.Judgements;

namespace Moss.Data.Tests.Datasets;

public sealed class DesirableTests(Database database) : DatabaseTest(database)
{
    private static readonly FreezeRule Kto = new() { Recipe = "kto", EvalShare = 0 };

    [Fact]
    public async Task Corrections_ranking_ends_and_two_bad_ones_are_desirable_or_not_and_a_comparison_is_no_evidence()
    {
        var (project, ada, moss) = await StartAsync();
        var (_, corrected) = await Data.AnswersAsync(project, ada, moss, "Corrected?", "wrong");
        var (question, ranked) = await Data.AnswersAsync(project, ada, moss, "Ranked?", "middle", "top", "bottom");
        var (_, bad) = await Data.AnswersAsync(project, ada, moss, "Both bad?", "awful", "terrible");
        var (_, compared) = await Data.AnswersAsync(project, ada, moss, "Compared?", "less bad", "worse");
        var correction = await Data.CorrectAsync(corrected[0], ada, "right");
        await Data.RankAsync(question.Id, ada, ranked[1], ranked[0], ranked[2]);
        await Data.CompareAsync(bad[0], bad[1], ada, ComparisonOutcome.BothBad);
        await Data.CompareAsync(compared[0], compared[1], ada, ComparisonOutcome.Left);

        var version = await Data.FreezeAsync(project, Kto);

        var examples = await Data.ExamplesAsync(version);
        Assert.Equal(["+ right", "- wrong", "- bottom", "+ top", "- awful", "- terrible"], examples.Select(Said));
        Assert.Equal([correction.Id, correction.Id], examples.Take(2).Select(e => Assert.Single(e.Sources).JudgementId!.Value));
        // 2 desirable, 4 undesirable: both classes weigh 3.
        Assert.Equal([1.5, 0.75, 0.75, 1.5, 0.75, 0.75], examples.Select(e => DesirableContent.Parse(e.Content).Weight));
        Assert.Equal("""{"prompt":[{"role":"user","content":"Corrected?"}],"reply":"right","desirable":true,"source":"human","weight":1.5}""", examples[0].Content);
    }

    [Fact]
    public async Task A_rating_counts_by_its_annotators_own_measure()
    {
        var (project, ada, moss) = await StartAsync();
        var (kind, stern) = (ada, (await Data.HumanAsync()).Id);
        for (var n = 0; n < 12; n++)
        {
            var (_, r) = await Data.AnswersAsync(project, ada, moss, $"Usual {n}?", $"by the kind {n}", $"by the stern {n}");
            await Data.RateAsync(r[0], kind, 5);
            await Data.RateAsync(r[1], stern, 2);
        }
        var (_, three) = await Data.AnswersAsync(project, ada, moss, "Three?", "three by the kind", "three by the stern");
        await Data.RateAsync(three[0], kind, 3);
        await Data.RateAsync(three[1], stern, 3);

        var said = (await Data.ExamplesAsync(await Data.FreezeAsync(project, Kto))).ConvertAll(Said);

        Assert.Contains("- three by the kind", said);
        Assert.Contains("+ three by the stern", said);
    }

    [Fact]
    public async Task Where_the_evidence_is_divided_nothing_is_learned()
    {
        var (project, ada, moss) = await StartAsync();
        var bob = (await Data.HumanAsync()).Id;
        var (_, r) = await Data.AnswersAsync(project, ada, moss, "Divided?", "disputed", "clear");
        await Data.RateAsync(r[0], ada, 5);
        await Data.RateAsync(r[0], bob, 1);
        await Data.RateAsync(r[1], bob, 5);

        var version = await Data.FreezeAsync(project, Kto);

        Assert.Equal(["+ clear"], (await Data.ExamplesAsync(version)).Select(Said));
        Assert.Equal(1, FreezePreview.Parse(version.Summary!).LeftOutDisputed);
    }

    [Fact]
    public async Task An_agent_finds_both_bad_only_in_both_orders_and_never_alone_more_than_its_share()
    {
        var (project, ada, moss) = await StartAsync();
        var judge = (await Data.AgentAsync()).Id;
        var (_, once) = await Data.AnswersAsync(project, ada, moss, "Once?", "a", "b");
        var (_, twice) = await Data.AnswersAsync(project, ada, moss, "Twice?", "c", "d");
        await Data.CompareAsync(once[0], once[1], judge, ComparisonOutcome.BothBad);
        await Data.CompareAsync(twice[0], twice[1], judge, ComparisonOutcome.BothBad);
        await Data.CompareAsync(twice[1], twice[0], judge, ComparisonOutcome.BothBad);

        Assert.Contains("nothing to learn", (await Assert.ThrowsAsync<MossInputException>(() => Data.FreezeAsync(project, Kto))).Message);
        Assert.Equal(["- c", "- d"], (await Data.ExamplesAsync(await Data.FreezeAsync(project, Kto with { AgentShare = 1 }))).Select(Said));
    }

    [Fact]
    public async Task Preferences_and_desirable_replies_are_exported_to_the_format_that_holds_them_and_no_other()
    {
        var (project, ada, moss) = await StartAsync();
        var (_, r) = await Data.AnswersAsync(project, ada, moss, "问题？", "错", "half");
        await Data.CorrectAsync(r[0], ada, "对");
        var dpo = await Data.FreezeAsync(project, Kto with { Recipe = "dpo" });
        var kto = await Data.FreezeAsync(project, Kto);

        var (rows, report) = await ExportAsync(dpo, "trl-dpo");
        Assert.Equal(
            """{"prompt":[{"role":"user","content":"问题？"}],"chosen":[{"role":"assistant","content":"对"}],"rejected":[{"role":"assistant","content":"错"}]}""", Assert.Single(rows));
        Assert.Equal(["group", "kind", "nll", "source", "sources"], report.DroppedFields.Keys);
        (rows, report) = await ExportAsync(kto, "trl-kto");
        Assert.Equal(
            ["""{"prompt":[{"role":"user","content":"问题？"}],"completion":[{"role":"assistant","content":"对"}],"label":true}""",
                """{"prompt":[{"role":"user","content":"问题？"}],"completion":[{"role":"assistant","content":"错"}],"label":false}"""], rows.Order(StringComparer.Ordinal));
        Assert.Equal(["source", "sources", "weight"], report.DroppedFields.Keys);
        Assert.Contains("It can be exported as trl-kto", (await Assert.ThrowsAsync<MossInputException>(() => ExportAsync(kto, "trl-dpo"))).Message);
    }

    private async Task<(string[] Rows, ExportReport Report)> ExportAsync(DatasetVersion version, string format)
    {
        await using var db = Data.CreateDbContext();
        await using var text = new StringWriter();
        var report = await Exporting.ExportAsync(db, version.Id, format, text, Test);
        return (text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries), report);
    }

    private static string Said(DatasetExample example) =>
        DesirableContent.Parse(example.Content) is { } c ? $"{(c.Desirable ? '+' : '-')} {c.Reply}" : "";

    private async Task<(Guid Project, Guid Ada, Guid Moss)> StartAsync() =>
        ((await Data.ProjectAsync()).Id, (await Data.HumanAsync()).Id, (await Data.CheckpointAsync()).Id);
}
