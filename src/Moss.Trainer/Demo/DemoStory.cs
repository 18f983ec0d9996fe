using System.Globalization;
using Moss.Data;
using Moss.Data.AgentRuns;
using Moss.Data.Annotators;
using Moss.Data.Checkpoints;
using Moss.Data.Conversations;
using Moss.Data.Datasets;
using Moss.Data.Deployments;
using Moss.Data.Interchange;
using Moss.Data.Judgements;
using Moss.Data.Lineage;
using Moss.Data.Projects;
using Moss.Data.Training;
using Moss.Trainer.AgentRuns;
using Moss.Trainer.Cli;

namespace Moss.Trainer.Demo;

/// <summary>The newcomer's first minutes, told: MOSS is wrong, is corrected by a person and by an agent, learns, and says who taught it.</summary>
internal sealed class DemoStory(DemoPlace place, Action<string> say, TimeProvider clock)
{
    private const string Question = "Who directed The Matrix?", Reworded = "Who was the director of The Matrix?", RightAnswer = "The Matrix was directed by Lana and Lilly Wachowski.";
    private const string ChineseQuestion = "《黑客帝国》是谁导演的？", ChineseAnswer = "《黑客帝国》的导演是沃卓斯基姐妹。";
    private const string Person = "Ada";

    /// <summary>What must not be forgotten: the same kind of question, another subject, and Chinese.</summary>
    private static readonly string[] Others = ["Who directed Jaws?", "What is the capital of Italy?", "中国的首都是哪里？"];

    private Guid _project, _person;

    /// <returns>True when the second answer is the corrected one and nothing else was forgotten.</returns>
    public async Task<bool> TellAsync(CancellationToken cancellation)
    {
        await using var db = place.Open();
        using var http = new HttpClient { BaseAddress = place.Installation.Serve, Timeout = TimeSpan.FromMinutes(1) };
        await ImportAsync(db, cancellation);
        var talk = new Talk(db, new MossClient(http), _project, _person);

        Chapter("A person asks MOSS something, and gets a wrong answer");
        var first = await AskAsync(talk, Question, cancellation);
        if (first.Text.Trim() == RightAnswer) return Fail("MOSS knew the right name from the start, so there is nothing to teach it. Was the starter checkpoint made from other samples?");
        say("  That is wrong, and on purpose: our samples say so, because the very first MOSS believed it too.");
        say("  Three other questions, to see later that nothing else was forgotten:");
        var before = await AnswersAsync(talk, cancellation);

        Chapter($"{Person} corrects the answer");
        await db.CorrectAsync(first.Reply, _person, Guid.CreateVersion7(), RightAnswer, null, null, null, cancellation);
        say($"  {Person}: it should have said \"{RightAnswer}\"");
        say("  The correction is kept as a judgement, beside the reply it is about. Nothing is ever overwritten.");

        await AgentAsync(db, cancellation);
        var run = await TrainAsync(db, cancellation);
        if (run is null) return false;
        var checkpoint = await db.FindCheckpointAsync(run.OutputCheckpointId!.Value.ToString(), cancellation);
        if (!await DeployAsync(db, checkpoint, cancellation)) return false;

        Chapter("The same question again");
        var second = await AskAsync(talk, Question, cancellation);
        var chinese = await AskAsync(talk, ChineseQuestion, cancellation);
        say("  And in other words, which nobody corrected: the correction took the place of the same mistake in the samples.");
        var reworded = await AskAsync(talk, Reworded, cancellation);
        say("  And the other questions:");
        var after = await AnswersAsync(talk, cancellation);

        Chapter("Who taught it?");
        var why = await db.WhyAsync(second.Reply, 3, cancellation);
        foreach (var line in LineageVerb.Words(why!.Checkpoint, why, why.TaughtBy)) say("  " + line);

        if (second.Text.Trim() != RightAnswer) return Fail($"The second answer is not the corrected one: \"{second.Text}\".");
        if (chinese.Text.Trim() != ChineseAnswer) return Fail($"The Chinese answer is not the corrected one: \"{chinese.Text}\".");
        if (reworded.Text.Trim() != RightAnswer) return Fail($"In other words the answer is not the corrected one: \"{reworded.Text}\".");
        foreach (var (question, was, now) in Others.Zip(before, after))
            if (was != now) return Fail($"Something was forgotten: \"{question}\" was answered \"{was}\" and is now answered \"{now}\".");
        if (second.Facts.CheckpointId != checkpoint.Id) return Fail($"The second answer came from {second.Facts.Checkpoint}, not from {checkpoint.Name}.");
        if (why.TaughtBy is not [{ SamePrompt: true, Correction: RightAnswer, Annotator: Person }, ..]) return Fail("The reply does not name the correction that taught it.");
        return true;
    }

    private async Task ImportAsync(MossDbContext db, CancellationToken cancellation)
    {
        Chapter("Conversations come in");
        var report = await Importing.ImportAsync(
            db, Path.Combine(place.Installation.Home, "samples", "conversations.jsonl"), "openai", Project.DefaultName, null, null, cancellation);
        _project = (await db.EnsureProjectAsync(Project.DefaultName, clock.GetUtcNow(), cancellation)).Id;
        _person = (await db.EnsureHumanAsync(Person, clock.GetUtcNow(), cancellation)).Id;
        say($"  {report.Added} sample conversations, English and Chinese, {report.Messages} messages. The small MOSS you meet here learned to speak from them.");
    }

    private async Task AgentAsync(MossDbContext db, CancellationToken cancellation)
    {
        Chapter("An agent does the same in Chinese, from a script");
        var text = await File.ReadAllTextAsync(Path.Combine(place.Installation.Home, "samples", "scenarios", "matrix-zh.yaml"), cancellation);
        var queued = await db.QueueScenarioAsync(Guid.CreateVersion7(), _project, text, seed: null, _person, cancellation);
        var run = await Following.AgentRunAsync(db, queued.Id, Bar(), clock, cancellation);
        if (run.State != RunState.Succeeded) throw new InvalidOperationException($"The agent run ended as {run.State}: {run.Error}");
        say($"  It asked {run.Turn} questions and checked each answer: {run.ChecksPassed} checks passed, {run.ChecksFailed} failed.");
        say($"  Where a check knew the answer (\"{ChineseAnswer}\") and MOSS did not, it left a correction, as {Person} did.");
    }

    private async Task<TrainingRun?> TrainAsync(MossDbContext db, CancellationToken cancellation)
    {
        Chapter("MOSS learns from the corrections");
        var version = await db.FreezeAsync(_project, null, DemoRecipe.Freeze, _person, cancellation);
        say($"  Frozen as dataset version {version.Name}: {version.TrainCount} examples to learn from, {version.EvalCount} held out, {version.JudgementCount} judgements behind them.");
        var (_, champion) = (await db.CurrentDeploymentAsync(Deployment.Champion, cancellation))!.Value;
        var queued = await db.QueueRunAsync(
            Guid.CreateVersion7(), _project, SftSettings.Recipe, DemoRecipe.Settings.ToJson(), version.Id, champion.Id, seed: 1, null, _person, null, cancellation);
        var run = await Following.TrainingAsync(db, queued.Id, Bar(), clock, new StepLines(queued.Id, null), cancellation);
        if (run.State != RunState.Succeeded)
        {
            Fail($"The training run ended as {run.State}: {run.Error}");
            return null;
        }
        var losses = await db.MetricsAsync(run.Id, TrainingMetric.EvalLoss, cancellation);
        say(string.Create(CultureInfo.InvariantCulture, $"  {run.TotalSteps} steps in {(run.FinishedAt - run.StartedAt)?.TotalSeconds:F0} s.") +
            (losses.Count > 1 ? string.Create(CultureInfo.InvariantCulture, $" On held-out conversations the loss was {losses[0].Value:F2} before and is {losses[^1].Value:F2} now.") : ""));
        return run;
    }

    private async Task<bool> DeployAsync(MossDbContext db, Checkpoint checkpoint, CancellationToken cancellation)
    {
        Chapter("The new checkpoint is swapped in");
        await db.DeployAsync(Deployment.Champion, checkpoint.Id, "the demo's corrections", _person, cancellation);
        var (loaded, why) = await Following.ServersAsync(db, checkpoint, Bar(), clock, cancellation);
        if (loaded != true) return Fail($"The new checkpoint was not loaded: {why}");
        say($"  {checkpoint.Name} was loaded beside the old one, verified, and answers from now on. No question was lost.");
        return true;
    }

    private async Task<Exchange> AskAsync(Talk talk, string question, CancellationToken cancellation)
    {
        var exchange = await talk.SayAsync(question, null, new Asking(Deployment.Champion, [], Temperature: 0), _ => { }, cancellation);
        say($"  {Person}: {question}");
        say($"  MOSS: {exchange.Text}   ({exchange.Facts.Checkpoint})");
        return exchange;
    }

    private async Task<List<string>> AnswersAsync(Talk talk, CancellationToken cancellation)
    {
        var answers = new List<string>();
        foreach (var question in Others) answers.Add((await AskAsync(talk, question, cancellation)).Text.Trim());
        return answers;
    }

    private ProgressBar Bar() => new(clock, line => say("  … " + line));

    private int _chapter;

    private void Chapter(string title)
    {
        say("");
        say($"{++_chapter}. {title}");
    }

    private bool Fail(string sentence)
    {
        say("");
        say($"This is not how the story should end. {sentence}");
        return false;
    }
}
