using Bunit;
using Microsoft.EntityFrameworkCore;
using Moss.Annotate.Features.Training;
using Moss.Annotate.Tests.Loop;
using Moss.Annotate.Tests.Setup;
using Moss.Data.Datasets;
using Moss.Data.Training;

namespace Moss.Annotate.Tests.Training;

public sealed class PlanOnPageTests(PostgresServer server) : LoopTest(server)
{
    private static PlanResult Planned => new()
    {
        Recipe = "sft", Examples = 48, HeldOut = 4, TooLong = 3, TokensPerEpoch = 9_000, LongestTokens = 400, Steps = 36, BatchSize = 4, MicroBatchTokens = 1_600,
        Tokens = 27_000, LearnedTokens = 9_000, Parameters = 2_000_000, TrainedParameters = 2_000_000, LoraRank = 0, Checkpointing = false, Device = "cpu",
        Compute = "fp32", SecondsPerStep = 5, Seconds = 190, Memory = new(300_000_000, 8_000_000, 24_000_000, 868_000_000), MemoryLimitBytes = 8_000_000_000,
        MemoryFreeBytes = 4_000_000_000, DiskBytes = 61_000_000, DiskFreeBytes = 70_000_000_000, Options = [],
    };

    [Fact]
    public async Task The_page_shows_what_one_click_would_do_and_the_click_does_it()
    {
        var version = await BeginAsync();
        var page = Render<TrainingPage>();
        page.Until(() => page.Has("next-plan"));
        var asked = await AskedAsync(p => p.ExampleOrdinal == null);
        Assert.Equal((version.Id, Story.Starter.Id, "{}", "sft"), (asked.DatasetVersionId, asked.BaseCheckpointId, asked.Settings, asked.Recipe));
        await AnswerAsync(asked, Planned.ToJson());

        page.Says("plan-steps", "36");
        page.Says("plan-time", "3 min");
        page.Says("plan-memory", "1.20 GB");
        page.Says("plan-more", "4 per step. 3 are left out");
        page.Press("next-start");
        page.Says("said", "The run is queued");
        Assert.Equal("{}", (await With(db => db.TrainingRuns.SingleAsync(Test))).Settings);
    }

    [Fact]
    public async Task A_run_that_cannot_fit_is_not_started_and_what_would_fit_is_one_click_away()
    {
        await BeginAsync();
        var page = Render<TrainingPage>();
        var refused = Planned with
        {
            MemoryLimitBytes = 1_000_000_000,
            Options = [new("""{"micro_batch_size":1}""", 1_050_000_000, 61_000_000, 300, false), new("""{"lora_rank":16}""", 700_000_000, 20_000_000, 150, true)],
        };
        await AnswerAsync(await AskedAsync(p => p.ExampleOrdinal == null), refused.ToJson());
        page.Says("plan-refused", "needs 1.20 GB of memory, and there are 1.00 GB");
        Assert.True(page.Control("next-start").HasAttribute("disabled"));

        page.Press("next-change");
        page.Until(() => page.FindAll("[data-test='tune-plan'] [data-test='plan-use']").Count == 1);
        Assert.True(page.Control("tune-submit").HasAttribute("disabled"));
        page.Find("[data-test='tune-plan'] [data-test='plan-use']").Click();
        page.Until(() => page.Control("setting-lora_rank").GetAttribute("value") == "16");
        await AnswerAsync(await AskedAsync(p => p.Settings.Contains("lora_rank")), (Planned with { LoraRank = 16 }).ToJson());
        page.Until(() => page.Control("tune-plan").GetAttribute("data-state") == "fits");
        page.Press("tune-submit");
        page.Says("said", "The run is queued");
        Assert.Equal(16, SftSettings.Parse((await With(db => db.TrainingRuns.SingleAsync(Test))).Settings).LoraRank);
    }

    [Fact]
    public async Task The_mask_is_told_apart_without_colour()
    {
        await BeginAsync();
        var page = Render<TrainingPage>();
        page.Press("tune");
        page.Control("mask-open").ParentElement!.TriggerEvent("ontoggle", EventArgs.Empty);
        var mask = new MaskPreview(0, "train", 2, 1_024, [new("conversation", 9, 4, 0, [new("<|im_start|>user\nhi<|im_end|>\n", 5, false), new("hello<|im_end|>", 4, true)])]);
        await AnswerAsync(await AskedAsync(p => p.ExampleOrdinal == 0), mask.ToJson());

        page.Says("mask-place", "1 of 2");
        Assert.Equal("hello<|im_end|>", page.Control("mask-text").QuerySelector("mark")!.TextContent);
        Assert.Equal("<|im_start|>user\nhi<|im_end|>\nhello<|im_end|>", page.Control("mask-text").TextContent);
        page.Press("mask-after");
        await AnswerAsync(await AskedAsync(p => p.ExampleOrdinal == 1), (mask with { Ordinal = 1, Documents = [] }).ToJson());
        page.Says("mask-too-long", "Nothing of this example fits into 1,024 tokens");
    }

    [Fact]
    public async Task Each_recipe_has_its_own_settings_and_versions()
    {
        await BeginAsync();
        var page = Render<TrainingPage>();
        page.Press("tune");
        Assert.False(page.Has("setting-beta"));
        page.Control("tune-recipe").Change("dpo");
        page.Says("tune-no-version", "No dataset version has been frozen for dpo");
        Assert.True(page.Control("tune-submit").HasAttribute("disabled"));
        Assert.Contains("Default 0.1: TRL", page.Control("settings").TextContent, StringComparison.Ordinal);
        page.Type("setting-beta", "100");
        page.Says("settings-wrong", "The dpo setting beta is 100; it must be from 0.0001 to 10");

        page.Control("tune-recipe").Change("reward");
        page.Until(() => page.Has("tune-reward") && !page.Has("tune-deploy-if") && page.Has("setting-centering"));
    }

    [Fact]
    public async Task Another_number_of_the_runs_can_be_put_into_the_chart()
    {
        var version = await BeginAsync();
        var run = await Story.QueueAsync(version, Story.Starter, "{}", Test);
        var attempt = await Story.WorkAsync(run, 1_500, 2_000, cancellation: Test);
        await using (var db = Open())
        {
            for (var step = 1_499; step <= 1_500; step++) await db.RecordStepAsync(run.Id, attempt, step, 2_000, new Dictionary<string, double>
            {
                [TrainingMetric.Mfu] = 0.473, [TrainingMetric.MemoryBytes] = 1.5e9, [TrainingMetric.TokensPerSecond] = 1234,
            }, Test);
        }
        var page = Render<TrainingPage>();
        page.Says("now-mfu", "47.3");
        page.Says("now-memory_bytes", "1.50 GB");
        page.Until(() => page.FindAll(".r-line").Count == 1);
        Assert.InRange(page.Find(".r-line").GetAttribute("points")!.Split(' ').Length, 100, 300); // decimated

        page.Press("measure-mfu");
        page.Says("about-measure", "6N + 12·L·H·Q·T");
        page.Until(() => page.FindAll(".r-line").Count == 1 && page.Find(".r-line").GetAttribute("points")!.Split(' ').Length == 2);
        page.Press("measure-margin");
        page.Says("no-curves", "has recorded this number");
    }

    private async Task<DatasetVersion> BeginAsync()
    {
        await Story.BeginAsync(Test);
        await Story.CorrectAsync("Who directed The Matrix?", "Steven Spielberg.", "Lana and Lilly Wachowski.", Test);
        return await Story.FreezeAsync(Test);
    }

    private async Task<TrainingPlan> AskedAsync(Func<TrainingPlan, bool> which)
    {
        while (true)
        {
            if ((await With(db => db.TrainingPlans.AsNoTracking().Where(p => p.ComputedAt == null).ToListAsync(Test))).Find(p => which(p)) is { } asked) return asked;
            await Task.Delay(20, Test);
        }
    }

    private Task<bool> AnswerAsync(TrainingPlan asked, string result) => With(db => db.AnswerPlanAsync(asked.Id, result, null, Test));
}
