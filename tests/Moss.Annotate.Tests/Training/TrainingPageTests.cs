using Bunit;
using Microsoft.EntityFrameworkCore;
using Moss.Annotate.Features.Training;
using Moss.Annotate.Tests.Loop;
using Moss.Annotate.Tests.Setup;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Training;

namespace Moss.Annotate.Tests.Training;

public sealed class TrainingPageTests(PostgresServer server) : LoopTest(server)
{
    [Fact]
    public async Task An_empty_portal_says_what_to_do_first()
    {
        await Story.BeginAsync(Test);
        var page = Render<TrainingPage>();
        page.Says("no-runs", "First freeze a dataset version");
        page.Says("no-versions", "None yet");
        Assert.True(page.Control("tune").HasAttribute("disabled"));

        page.Press("freeze");
        page.Says("freeze-nothing", "nothing to learn from yet");
        Assert.True(page.Control("freeze-submit").HasAttribute("disabled"));
    }

    [Fact]
    public async Task Freezing_shows_the_counts_and_makes_the_version()
    {
        await Story.BeginAsync(Test);
        await Story.CorrectAsync("Who directed The Matrix?", "Steven Spielberg.", "Lana and Lilly Wachowski.", Test);
        await Story.RateAsync("What is the capital of Peru?", "Lima.", 5, Test);
        var page = Render<TrainingPage>();
        page.Says("new-judgements", "2");

        page.Press("freeze");
        page.Says("count-corrections", "1");
        page.Says("count-rated", "1");
        page.Says("count-new", "2");
        page.Type("freeze-name", "matrix");
        page.Press("freeze-submit");

        page.Says("said", "matrix is frozen");
        page.Says("version-row", "matrix");
        page.Says("new-judgements", "0");
        var version = await With(db => db.DatasetVersions.SingleAsync(Test));
        Assert.Equal("Grace", await With(db => db.Annotators.Where(a => a.Id == version.CreatedBy).Select(a => a.DisplayName).SingleAsync(Test)));
    }

    [Fact]
    public async Task An_impossible_rule_is_refused_by_name()
    {
        await Story.BeginAsync(Test);
        var page = Render<TrainingPage>();
        page.Press("freeze");
        page.Type("freeze-eval_share", "2");
        page.Says("freeze-refusal", "eval_share is 2; it must be from 0 to 0.9");
        page.Type("freeze-eval_share", "much");
        page.Says("freeze-refusal", "eval_share is 'much', which is not a number");
        Assert.True(page.Control("freeze-submit").HasAttribute("disabled"));
    }

    [Fact]
    public async Task Another_recipe_has_its_own_rule_and_counts()
    {
        await Story.BeginAsync(Test);
        await Story.CorrectAsync("Who directed The Matrix?", "Steven Spielberg.", "Lana and Lilly Wachowski.", Test);
        var page = Render<TrainingPage>();
        page.Press("freeze");
        page.Says("count-corrections", "1");
        page.Control("freeze-recipe").Change("kto");
        page.Says("count-desirable", "1");
        page.Says("count-undesirable", "1");
        Assert.Empty(page.FindAll("[data-test='freeze-min_score']"));
        page.Control("freeze-recipe").Change("dpo");
        page.Says("count-compared", "0");
        page.Type("freeze-score_gap", "9");
        page.Says("freeze-refusal", "score_gap is 9; it must be from 0.25 to 4");
        page.Type("freeze-score_gap", "1");
        page.Press("freeze-submit");

        page.Says("version-row", "dpo");
        Assert.Equal("dpo", await With(db => db.DatasetVersions.Select(v => v.Recipe).SingleAsync(Test)));
    }

    [Fact]
    public async Task One_click_tunes_the_champion_on_the_newest_version_with_all_defaults()
    {
        await Story.BeginAsync(Test);
        await Story.CorrectAsync("Who directed The Matrix?", "Steven Spielberg.", "Lana and Lilly Wachowski.", Test);
        var version = await Story.FreezeAsync(Test);
        var page = Render<TrainingPage>();
        page.Press("tune");
        page.Press("tune-submit");

        page.Says("said", "The run is queued");
        page.Says("run-row", "waiting for a worker");
        var run = await With(db => db.TrainingRuns.SingleAsync(Test));
        Assert.Equal((version.Id, Story.Starter.Id, "{}", null, RunState.Queued), (run.DatasetVersionId, run.BaseCheckpointId, run.Settings, run.DeployIf, run.State));
    }

    [Fact]
    public async Task Settings_and_the_deploy_rule_reach_the_run()
    {
        await Story.BeginAsync(Test);
        await Story.CorrectAsync("Who directed The Matrix?", "Steven Spielberg.", "Lana and Lilly Wachowski.", Test);
        await Story.FreezeAsync(Test);
        var page = Render<TrainingPage>();
        page.Press("tune");
        page.Type("setting-epochs", "0.5");
        page.Type("setting-steps", "12");
        page.Control("tune-deploy-if").Change(true);
        page.Says("tune-no-eval", "holds nothing out");
        page.Type("tune-max-increase", "0.02");
        page.Press("tune-submit");

        page.Says("said", "The run is queued");
        var run = await With(db => db.TrainingRuns.SingleAsync(Test));
        var settings = SftSettings.Parse(run.Settings);
        Assert.Equal((0.5, 12, 16), (settings.Epochs, settings.Steps, settings.BatchSize));
        Assert.Equal(0.02, DeployRule.Parse(run.DeployIf)!.MaxEvalLossIncrease);
    }

    [Fact]
    public async Task Unknown_and_impossible_settings_are_refused_with_a_sentence()
    {
        await Story.BeginAsync(Test);
        await Story.CorrectAsync("Who directed The Matrix?", "Steven Spielberg.", "Lana and Lilly Wachowski.", Test);
        await Story.FreezeAsync(Test);
        var page = Render<TrainingPage>();
        page.Press("tune");
        page.Type("setting-micro_batch_size", "17");
        page.Says("settings-wrong", "micro_batch_size is 17; it must be from 1 to 16");
        page.Type("setting-micro_batch_size", "16");
        page.Press("settings-as-json");
        page.Type("settings-json", """{"epochs":2,"learning_rat":1}""");
        page.Says("settings-wrong", "learning_rat");
        Assert.True(page.Control("tune-submit").HasAttribute("disabled"));
        page.Type("settings-json", """{"epochs":2}""");
        page.Press("settings-as-fields");
        Assert.Equal("2", page.Control("setting-epochs").GetAttribute("value"));
        page.Press("tune-submit");
        page.Says("said", "The run is queued");
        Assert.Equal(2, SftSettings.Parse((await With(db => db.TrainingRuns.SingleAsync(Test))).Settings).Epochs);
    }

    [Fact]
    public async Task A_run_under_way_shows_its_steps_curve_and_time_left_as_they_come()
    {
        var run = await QueuedAsync();
        var page = Render<TrainingPage>();
        page.Says("run-progress", "waiting for a worker");
        var attempt = await Story.WorkAsync(run, 10, 40, cancellation: Test);
        page.Says("run-progress", "step 10 of 40");
        page.Says("run-left", "left");
        page.Until(() => page.FindAll("[data-test='loss-chart'] .r-line").Count == 1);
        var before = page.Find(".r-line").GetAttribute("points");

        await using var db = Open();
        await db.RecordStepAsync(run.Id, attempt, 11, 40, new Dictionary<string, double> { ["loss"] = 0.9 }, Test);
        await db.NoteAsync(run.Id, attempt, "Resumed at step 10.", Test);
        page.Says("run-progress", "step 11 of 40");
        page.Says("run-note", "Resumed at step 10.");
        page.Until(() => page.Find(".r-line").GetAttribute("points") != before);
    }

    [Fact]
    public async Task Curves_of_several_runs_lie_over_each_other()
    {
        var first = await QueuedAsync();
        await Story.PublishAsync(first, await Story.WorkAsync(first, 20, 20, cancellation: Test), "one", Test);
        var second = await Story.QueueAsync(await With(db => db.DatasetVersions.SingleAsync(Test)), Story.Starter, "{}", Test);
        await Story.PublishAsync(second, await Story.WorkAsync(second, 30, 30, cancellation: Test), "two", Test);

        var page = Render<TrainingPage>();
        page.Until(() => page.FindAll("[data-test='run-curve']").Count == 2);
        page.Until(() => page.FindAll(".r-line").Count == 1);
        page.FindAll("[data-test='run-curve']")[1].Change(true);
        page.Until(() => page.FindAll(".r-line").Count == 2);
        page.Says("run-eval", "3.200 → 0.550");
        Assert.Contains("Loss of two: from", page.Control("loss-chart").GetAttribute("aria-label"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Canceling_asks_first_and_is_audited()
    {
        var run = await QueuedAsync();
        var page = Render<TrainingPage>();
        page.Press("run-cancel");
        page.Press("run-cancel-keep");
        page.Until(() => !page.Has("cancel-form"));
        Assert.Equal(RunState.Queued, (await With(db => db.TrainingRuns.SingleAsync(Test))).State);

        page.Press("run-cancel");
        page.Press("run-cancel-confirm");
        page.Says("state", "Canceled");
        Assert.Equal(RunState.Canceled, (await With(db => db.TrainingRuns.SingleAsync(r => r.Id == run.Id, Test))).State);
        Assert.Equal("Grace", await With(db => db.AuditLog.Where(a => a.Action == "canceled").Select(a => a.Who).SingleAsync(Test)));
    }

    [Fact]
    public async Task A_failed_run_says_why()
    {
        var run = await QueuedAsync();
        var attempt = await Story.WorkAsync(run, 3, 20, cancellation: Test);
        await using (var db = Open()) await db.EndAsync(run.Id, attempt, RunState.Failed, "It needed more memory than the machine has.", Test);
        var page = Render<TrainingPage>();
        page.Says("run-error", "more memory");
        page.Says("run-progress", "step 3 of 20");
    }

    [Fact]
    public async Task Who_lost_the_role_while_the_page_was_open_changes_nothing()
    {
        await Story.BeginAsync(Test);
        await Story.CorrectAsync("Who directed The Matrix?", "Steven Spielberg.", "Lana and Lilly Wachowski.", Test);
        await Story.FreezeAsync(Test);
        var page = Render<TrainingPage>();
        page.Press("tune");
        TakeRoleAway();
        page.Press("tune-submit");
        page.Says("tune-refusal", "sign in again");
        Assert.Equal(0, await With(db => db.TrainingRuns.CountAsync(Test)));
    }

    [Fact]
    public async Task A_disabled_account_freezes_nothing()
    {
        await Story.BeginAsync(Test);
        await Story.CorrectAsync("Who directed The Matrix?", "Steven Spielberg.", "Lana and Lilly Wachowski.", Test);
        var page = Render<TrainingPage>();
        page.Press("freeze");
        await ChangeAccountAsync();
        page.Press("freeze-submit");
        page.Says("freeze-refusal", "sign in again");
        Assert.Equal(0, await With(db => db.DatasetVersions.CountAsync(Test)));
    }

    private async Task<TrainingRun> QueuedAsync()
    {
        await Story.BeginAsync(Test);
        await Story.CorrectAsync("Who directed The Matrix?", "Steven Spielberg.", "Lana and Lilly Wachowski.", Test);
        return await Story.QueueAsync(await Story.FreezeAsync(Test), Story.Starter, "{}", Test);
    }
}
