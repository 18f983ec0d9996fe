using Microsoft.EntityFrameworkCore;
using Moss.Data.AgentRuns;
using Moss.Data.Conversations;
using Moss.Data.Datasets;
using Moss.Data.Judgements;
using Moss.Data.Projects;

namespace Moss.Data.Tests.Datasets;

public sealed class FreezeTests(Database database) : DatabaseTest(database)
{
    private static readonly FreezeRule Everything = new() { EvalShare = 0 };

    [Fact]
    public async Task A_correction_teaches_its_text_as_the_last_turn_and_only_that()
    {
        var (project, ada, moss) = await StartAsync();
        var (conversation, _, first) = await Data.ExchangeAsync(project.Id, ada, moss, "Hello", "Hi!", system: "Be kind.");
        var (_, reply) = await Data.TurnAsync(conversation, first.Id, ada, moss, "Who directed The Matrix?", "Steven Spielberg.");
        var correction = await Data.With(db => db.CorrectAsync(reply.Id, ada, Guid.NewGuid(), "The Wachowskis.", null, null, null, Test));

        var version = await FreezeAsync(project, Everything with { CorrectionRepeat = 5 });

        var example = Assert.Single(await ExamplesAsync(version, Split.Train));
        var content = DatasetContent.Parse(example.Content);
        Assert.Equal(
            [new("system", "Be kind.", false), new("user", "Hello", false), new("assistant", "Hi!", false), new("user", "Who directed The Matrix?", false),
                new DatasetMessage("assistant", "The Wachowskis.", true)], content.Messages);
        Assert.Equal(("Steven Spielberg.", 5), (content.Rejected, content.Repeat));
        Assert.Equal(DatasetContent.Sha256(example.Content), example.ContentSha256);
        Assert.Equal(correction.Id, Assert.Single(await SourcesAsync(version)).JudgementId);
        Assert.Equal((1, 0, 1), (version.TrainCount, version.EvalCount, version.JudgementCount));
    }

    [Fact]
    public async Task The_newest_correction_of_a_reply_wins_and_a_corrected_correction_teaches_nothing()
    {
        var (project, ada, moss) = await StartAsync();
        var bob = (await Data.HumanAsync()).Id;
        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada, moss, "1 + 1?", "3");
        var (_, _, other) = await Data.ExchangeAsync(project.Id, ada, moss, "2 + 2?", "5");
        await CorrectAsync(reply.Id, ada, "4");
        await CorrectAsync(reply.Id, bob, "two");
        await CorrectAsync(reply.Id, ada, "2");
        var wrong = await CorrectAsync(other.Id, ada, "6");
        await CorrectAsync(wrong, bob, "four");

        var version = await FreezeAsync(project, Everything);

        Assert.Equal(["1 + 1? → 2", "2 + 2? → four"], await PairsAsync(version, Split.Train));
    }

    [Fact]
    public async Task An_answer_that_someone_corrected_is_never_learned_again()
    {
        var (project, ada, moss) = await StartAsync();
        await Data.ImportAsync(project.Name, string.Join('\n',
            Loop.OpenAiLine("Who made The Matrix?", "  STEVEN Spielberg. "), // the same answer, written otherwise
            Loop.OpenAiLine("Hi", "Hello", "Director of The Matrix?", "Ｓteven Spielberg."),
            Loop.OpenAiLine("Who directed The Matrix?", "It was Spielberg."), // another wording of the answer to the very question
            Loop.OpenAiLine("Who directed Jaws?", "Steven Spielberg directed Jaws.")));
        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada, moss, "Who directed  the matrix?", "Steven Spielberg.");
        var (_, _, again) = await Data.ExchangeAsync(project.Id, ada, moss, "And The Matrix?", "Steven Spielberg.");
        await RateAsync(reply.Id, ada, 5);
        await RateAsync(again.Id, ada, 5);
        await CorrectAsync(reply.Id, ada, "Lana and Lilly Wachowski.");

        var version = await FreezeAsync(project, Everything);
        var preview = await Data.With(db => db.PreviewAsync(project.Id, Everything with { Until = Now }, Test));

        Assert.Equal(["Who directed  the matrix? → Lana and Lilly Wachowski.", "Who directed Jaws? → Steven Spielberg directed Jaws."],
            await PairsAsync(version, Split.Train));
        Assert.Equal((1, 0, 1, 4), (preview.Corrections, preview.Rated, preview.Replayed, preview.LeftOutCorrected));
        Assert.Equal((2, 0, 1, 0), (preview.Train, preview.Eval, preview.Judgements, preview.NewJudgements));
    }

    [Theory]
    [InlineData("Who directed The Matrix?", "Jaws was directed by Steven Spielberg.", "Who directed Jaws?")]
    [InlineData("Who directed The Matrix?", "Jaws was directed by Steven Spielberg.", "Who made Jaws?")]
    [InlineData("What is the capital of Germany?", "The capital of France is Paris.", "What is the capital of France?")]
    [InlineData("《黑客帝国》是谁导演的？", "《卧虎藏龙》的导演是李安。", "《卧虎藏龙》是谁导演的？")]
    public async Task What_was_wrong_for_one_question_is_still_the_answer_to_its_own(string asked, string said, string own)
    {
        var (project, ada, moss) = await StartAsync();
        await Data.ImportAsync(project.Name, Loop.OpenAiLine(own, said));
        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada, moss, asked, said);
        await CorrectAsync(reply.Id, ada, "Something else.");

        var learned = await PairsAsync(await FreezeAsync(project, Everything), Split.Train);
        Assert.Equal(new[] { $"{asked} → Something else.", $"{own} → {said}" }.Order(StringComparer.Ordinal), learned);
    }

    [Theory]
    [InlineData("Who directed The Matrix?", "The Matrix was directed by Steven Spielberg.", "Who was the director of The Matrix?")]
    [InlineData("Who directed The Matrix?", "The Matrix was directed by Steven Spielberg.", "Who was The Matrix directed by?")]
    [InlineData("Who directed The Matrix?", "The Matrix was directed by Steven Spielberg.", "Tell me who made The Matrix.")]
    [InlineData("《黑客帝国》是谁导演的？", "《黑客帝国》的导演是史蒂文·斯皮尔伯格。", "请问《黑客帝国》的导演是哪位？")]
    public async Task A_correction_takes_the_place_of_the_same_mistake_in_other_words(string asked, string said, string otherwise)
    {
        var (project, ada, moss) = await StartAsync();
        await Data.ImportAsync(project.Name, Loop.OpenAiLine("Hi", "Hello", otherwise, said));
        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada, moss, asked, said);
        await CorrectAsync(reply.Id, ada, "The right name.");

        var version = await FreezeAsync(project, Everything);
        Assert.Equal(new[] { $"{asked} → The right name.", $"{otherwise} → The right name." }.Order(StringComparer.Ordinal), await PairsAsync(version, Split.Train));
        Assert.Equal(1, (await Data.With(db => db.PreviewAsync(project.Id, Everything with { Until = Now }, Test))).Mended);
        var mended = (await ExamplesAsync(version, Split.Train)).Single(e => e.Content.Contains("Hello", StringComparison.Ordinal));
        // Whoever asks why is told who taught it.
        Assert.True(await Data.With(db => db.DatasetExampleSources.AnyAsync(
            s => s.VersionId == version.Id && s.Ordinal == mended.Ordinal && s.JudgementId != null, Test)));
    }

    [Fact]
    public async Task Rated_replies_teach_when_nobody_rated_them_low_or_flagged_them_and_nothing_cut_short_does()
    {
        var (project, ada, moss) = await StartAsync();
        var bob = (await Data.HumanAsync()).Id;
        var replies = new List<Message>();
        foreach (var name in (string[])["good", "low", "disputed", "flagged", "improved"])
            replies.Add((await Data.ExchangeAsync(project.Id, ada, moss, $"{name}?", $"{name}!")).Reply);
        var (conversation, _, _) = await Data.ExchangeAsync(project.Id, ada, moss, "hm", "hm");
        var (_, cut) = await Data.TurnAsync(conversation, null, ada, moss, "cut?", "cu", MessageState.CutShort);
        foreach (var reply in replies) await RateAsync(reply.Id, ada, reply.Text is "low!" or "improved!" ? 3 : 5);
        await RateAsync(cut.Id, ada, 5);
        await RateAsync(replies[2].Id, bob, 2);
        await Data.With(db => db.FlagAsync(replies[3].Id, bob, Guid.NewGuid(), "wrong", null, Test));
        await RateAsync(replies[4].Id, ada, 4);

        var version = await FreezeAsync(project, Everything);

        Assert.Equal(["good? → good!", "improved? → improved!"], await PairsAsync(version, Split.Train));
    }

    [Fact]
    public async Task Freezing_twice_with_the_same_rule_and_time_gives_the_same_bytes_whatever_came_after()
    {
        var (project, ada, moss) = await StartAsync();
        await Data.ImportAsync(project.Name, string.Join('\n', Enumerable.Range(0, 200).Select(n => Loop.OpenAiLine($"question {n}", $"answer {n}"))));
        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada, moss, "Q", "wrong");
        await CorrectAsync(reply.Id, ada, "right");
        var rule = new FreezeRule { ReplayShare = 0.5, ReplayMax = 80, EvalShare = 0.2, Seed = 7, Until = Now };
        var first = await FreezeAsync(project, rule);

        await CorrectAsync(reply.Id, ada, "more right");
        var (_, _, later) = await Data.ExchangeAsync(project.Id, ada, moss, "Q2", "good");
        await RateAsync(later.Id, ada, 5);
        await Data.ImportAsync(project.Name, Loop.OpenAiLine("late", "later"));
        var second = await FreezeAsync(project, rule);
        var turned = await FreezeAsync(project, rule with { Seed = 8 });

        Assert.Equal(first.Sha256, second.Sha256);
        Assert.Equal((await ContentsAsync(first)).AsEnumerable(), await ContentsAsync(second));
        Assert.Equal(81, first.TrainCount + first.EvalCount);
        Assert.NotEqual(first.Sha256, turned.Sha256);
        Assert.Equal(("v1", "v2"), (first.Name, second.Name));
    }

    [Fact]
    public async Task Nothing_that_is_learned_is_examined()
    {
        var (project, ada, moss) = await StartAsync();
        // Many conversations that begin alike (but for case and width) and go on differently.
        await Data.ImportAsync(project.Name, string.Join('\n', Enumerable.Range(0, 300).Select(n =>
            Loop.OpenAiLine(n / 60 % 2 == 0 ? $"Start {n % 60}" : $"ＳＴＡＲＴ  {n % 60}", $"answer {n}", $"then {n}", $"end {n}"))));
        var heldOut = Enumerable.Range(0, 60).Select(n => $"Start {n}").First(q => SplitRule.IsHeldOut(q, 0.3));
        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada, moss, heldOut.ToUpperInvariant(), "wrong");
        await CorrectAsync(reply.Id, ada, "right");

        // Held out by its beginning, but its second question is one that a correction answers.
        var asksLater = Enumerable.Range(0, 99).Select(n => $"Opening {n}").First(q => SplitRule.IsHeldOut(q, 0.3));
        await Data.ImportAsync(project.Name, Loop.OpenAiLine(asksLater, "fine", heldOut, "another answer"));

        var version = await FreezeAsync(project, new FreezeRule { EvalShare = 0.3 });

        Assert.DoesNotContain(SplitRule.Normalise(asksLater), (await FirstsAsync(Split.Eval)).Union(await FirstsAsync(Split.Train)));
        var (train, eval) = (await FirstsAsync(Split.Train), await FirstsAsync(Split.Eval));
        Assert.NotEmpty(eval);
        Assert.Empty(train.Intersect(eval));
        Assert.Contains(SplitRule.Normalise(heldOut), train); // the correction; the imported ones that began so are on neither side

        async Task<HashSet<string>> FirstsAsync(Split split) => [.. (await ExamplesAsync(version, split)).Select(e =>
            SplitRule.Normalise(DatasetContent.Parse(e.Content).Messages.First(m => m.Role == "user").Content))];
    }

    [Fact]
    public async Task What_says_the_same_is_one_example_with_all_its_sources()
    {
        var (project, ada, moss) = await StartAsync();
        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada, moss, "2 + 2?", "5");
        var (_, _, good) = await Data.ExchangeAsync(project.Id, ada, moss, "2 + 2?", "4");
        var correction = await Data.With(db => db.CorrectAsync(reply.Id, ada, Guid.NewGuid(), "4", null, null, null, Test));
        var rating = await RateAsync(good.Id, ada, 5);

        var version = await FreezeAsync(project, Everything);

        Assert.Single(await ExamplesAsync(version, Split.Train));
        Assert.Equal(new[] { correction.Id, rating }.Order(), (await SourcesAsync(version)).Select(s => s.JudgementId!.Value).Order());
    }

    [Fact]
    public async Task Conversations_of_an_examination_never_reach_a_dataset()
    {
        var (project, ada, moss) = await StartAsync();
        foreach (var split in Enum.GetValues<ScenarioSplit>())
        {
            var run = await Data.With(db => db.QueueAgentRunAsync(
                Guid.CreateVersion7(), project.Id, "schema: moss.scenario/v1", $"{split}@1", new string('a', 64), split, 0, 1, null, Test));
            var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada, moss, $"{split}?", "wrong", run.Id);
            await CorrectAsync(reply.Id, ada, $"{split}!");
        }

        var version = await FreezeAsync(project, Everything);

        Assert.Equal(["Train? → Train!"], await PairsAsync(version, Split.Train));
    }

    [Fact]
    public async Task A_version_of_nothing_is_refused_and_a_rule_that_cannot_be_too()
    {
        var (project, ada, moss) = await StartAsync();
        var empty = await Assert.ThrowsAsync<MossInputException>(() => FreezeAsync(project, Everything));
        Assert.Contains("nothing to learn from yet", empty.Message);
        var typo = Assert.Throws<MossInputException>(() => FreezeRule.Parse("""{"min_scor": 3}"""));
        Assert.Contains("min_scor", typo.Message);
        Assert.Contains("correction_repeat, eval_share, min_score", typo.Message);
        Assert.Throws<MossInputException>(() => FreezeRule.Parse("""{"eval_share": 1}"""));
        Assert.Equal(2.5, FreezeRule.Parse("""{"min_score": 2.5}""").MinScore);

        var (_, _, reply) = await Data.ExchangeAsync(project.Id, ada, moss, "Q", "A");
        await RateAsync(reply.Id, ada, 5);
        await FreezeAsync(project, Everything, "mine");
        Assert.Contains("already", (await Assert.ThrowsAsync<MossInputException>(() => FreezeAsync(project, Everything, "mine"))).Message);
    }

    [Fact]
    public async Task The_1120_MOSS_conversations_freeze_with_every_learned_reply_named()
    {
        await using var db = Data.CreateDbContext();
        await ImportAsync();
        var project = await db.Projects.SingleAsync(p => p.Name == "moss-sft", Test);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var version = await db.FreezeAsync(project.Id, null, new FreezeRule { ReplayMax = 5_000 }, null, Test);
        TestContext.Current.TestOutputHelper?.WriteLine($"freeze of 1,120 conversations {clock.Elapsed.TotalSeconds:0.00} s");

        Assert.Equal(1_120, version.TrainCount + version.EvalCount);
        Assert.Equal(4_273, await db.DatasetExampleSources.CountAsync(s => s.VersionId == version.Id, Test));

        async Task ImportAsync() =>
            await Moss.Data.Interchange.Importing.ImportAsync(db, SharedData.MossSft, "moss", "moss-sft", null, null, Test);
    }

    private async Task<(Project Project, Guid Ada, Guid Moss)> StartAsync() =>
        (await Data.ProjectAsync(), (await Data.HumanAsync()).Id, (await Data.CheckpointAsync()).Id);

    private Task<DatasetVersion> FreezeAsync(Project project, FreezeRule rule, string? name = null) =>
        Data.With(db => db.FreezeAsync(project.Id, name, rule, null, Test));

    private async Task<Guid> CorrectAsync(Guid reply, Guid by, string text) =>
        (await Data.With(db => db.CorrectAsync(reply, by, Guid.NewGuid(), text, null, null, null, Test))).CorrectionMessageId;

    private async Task<Guid> RateAsync(Guid reply, Guid by, double score) =>
        (await Data.With(db => db.RateAsync(reply, by, Guid.NewGuid(), score, null, null, Test))).Id;

    private Task<List<DatasetExample>> ExamplesAsync(DatasetVersion version, Split split) =>
        Data.With(async db => await db.ExamplesAsync(version.Id, split).ToListAsync(Test));

    private async Task<List<string>> ContentsAsync(DatasetVersion version) =>
        [.. (await ExamplesAsync(version, Split.Train)).Concat(await ExamplesAsync(version, Split.Eval)).Select(e => $"{e.Ordinal} {e.Content}")];

    private async Task<List<string>> PairsAsync(DatasetVersion version, Split split) =>
        [.. (await ExamplesAsync(version, split)).Select(e => DatasetContent.Parse(e.Content).Messages)
            .Select(m => $"{m[^2].Content} → {m[^1].Content}").Order(StringComparer.Ordinal)];

    private Task<List<DatasetExampleSource>> SourcesAsync(DatasetVersion version) =>
        Data.With(db => db.DatasetExampleSources.AsNoTracking().Where(s => s.VersionId == version.Id).ToListAsync(Test));

    private static DateTimeOffset Now => Database.Now;
}
