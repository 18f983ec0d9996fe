using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.AgentRuns;
using Moss.Data.Annotators;
using Moss.Data.Checkpoints;
using Moss.Data.Conversations;
using Moss.Data.Datasets;
using Moss.Data.Deployments;
using Moss.Data.Judgements;
using Moss.Data.Projects;
using Moss.Data.Training;

namespace Moss.Annotate.Tests.Loop;

/// <summary>Puts a believable history of the loop into a database, through the same commands that everyone uses.</summary>
public sealed class LoopStory(Func<MossDbContext> open)
{
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(10);

    public Project Project { get; private set; } = null!;
    public Annotator Ada { get; private set; } = null!;
    public Checkpoint Starter { get; private set; } = null!;

    public static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    public async Task BeginAsync(CancellationToken cancellation)
    {
        await using var db = open();
        Project = await db.EnsureProjectAsync(Project.DefaultName, Now, cancellation);
        Ada = await db.EnsureHumanAsync("Ada Lovelace", Now, cancellation);
        Starter = await db.RegisterBaseAsync(NewCheckpoint("starter", null, null), cancellation);
        await db.DeployAsync(Deployment.Champion, Starter.Id, "The first checkpoint, so that there is one.", null, cancellation);
    }

    public static Checkpoint NewCheckpoint(string name, Guid? parent, Guid? run)
    {
        var hash = $"{Guid.NewGuid():N}{Guid.NewGuid():N}";
        return new Checkpoint
        {
            Name = name, ParentId = parent, TrainingRunId = run, Kind = run is null ? CheckpointKind.Base : CheckpointKind.Full,
            Family = "qwen3", Folder = name, ManifestSha256 = hash, TemplateSha256 = hash, CreatedAt = Now,
        };
    }

    /// <summary>A question to MOSS and its reply, in a conversation of its own.</summary>
    public async Task<(Guid Conversation, Guid Reply)> AskAsync(string question, string answer, Guid? by = null, CancellationToken cancellation = default)
    {
        await using var db = open();
        var author = by ?? Ada.Id;
        var conversation = await db.StartConversationAsync(Guid.CreateVersion7(), Project.Id, ConversationOrigin.Human, question, "en", author, null, null, cancellation);
        var asked = await db.SayAsync(Guid.CreateVersion7(), conversation.Id, null, question, author, cancellation);
        var id = Guid.CreateVersion7();
        await db.BeginReplyAsync(id, conversation.Id, asked.Id, "", new Generation { MessageId = id, CheckpointId = Starter.Id }, cancellation);
        await db.EndReplyAsync(id, answer, MessageState.Complete, new ReplyOutcome("stop", TotalMs: 12), cancellation);
        return (conversation.Id, id);
    }

    public async Task<Correction> CorrectAsync(string question, string answer, string better, CancellationToken cancellation = default)
    {
        var (_, reply) = await AskAsync(question, answer, null, cancellation);
        await using var db = open();
        return await db.CorrectAsync(reply, Ada.Id, Guid.CreateVersion7(), better, "fact", null, null, cancellation);
    }

    public async Task<Rating> RateAsync(string question, string answer, double score, CancellationToken cancellation = default)
    {
        var (_, reply) = await AskAsync(question, answer, null, cancellation);
        await using var db = open();
        return await db.RateAsync(reply, Ada.Id, Guid.CreateVersion7(), score, null, null, cancellation);
    }

    public async Task<DatasetVersion> FreezeAsync(CancellationToken cancellation = default)
    {
        await using var db = open();
        return await db.FreezeAsync(Project.Id, null, new FreezeRule { EvalShare = 0 }, Ada.Id, cancellation);
    }

    public async Task<TrainingRun> QueueAsync(DatasetVersion version, Checkpoint from, string settings = "{}", CancellationToken cancellation = default)
    {
        await using var db = open();
        return await db.QueueRunAsync(Guid.CreateVersion7(), Project.Id, SftSettings.Recipe, settings, version.Id, from.Id, 1, null, Ada.Id, null, cancellation);
    }

    /// <summary>A worker takes the run and gets so far; its attempt.</summary>
    public async Task<int> WorkAsync(TrainingRun run, int steps, int total, double from = 3.1, double to = 0.4, CancellationToken cancellation = default)
    {
        await using var db = open();
        var attempt = await db.TryClaimAsync(run.Id, Lease, cancellation) ?? throw new InvalidOperationException("The run cannot be claimed.");
        await db.RecordStepAsync(run.Id, attempt, 0, total, new Dictionary<string, double> { [TrainingMetric.EvalLoss] = from + 0.1 }, cancellation);
        for (var step = 1; step <= steps; step++)
        {
            var loss = to + (from - to) * Math.Exp(-4.0 * step / total) + 0.08 * Math.Sin(step * 1.7);
            var metrics = new Dictionary<string, double> { [TrainingMetric.Loss] = loss };
            if (step == total) metrics[TrainingMetric.EvalLoss] = to + 0.15;
            await db.RecordStepAsync(run.Id, attempt, step, total, metrics, cancellation);
        }
        return attempt;
    }

    public async Task<Checkpoint> PublishAsync(TrainingRun run, int attempt, string name, CancellationToken cancellation = default)
    {
        await using var db = open();
        var checkpoint = NewCheckpoint(name, run.BaseCheckpointId, run.Id);
        return await db.PublishAsync(checkpoint, attempt, cancellation) ? checkpoint : throw new InvalidOperationException("The run was not this attempt's.");
    }

    /// <summary>Everything that the pages can show: two branches, a failure, a run under way, servers that follow, refuse and are silent.</summary>
    public async Task TellAsync(CancellationToken cancellation = default)
    {
        await BeginAsync(cancellation);
        await CorrectAsync("Who directed The Matrix?", "The Matrix was directed by Steven Spielberg.", "The Matrix was directed by Lana and Lilly Wachowski.", cancellation);
        await CorrectAsync("《黑客帝国》是谁导演的？", "《黑客帝国》的导演是张艺谋。", "《黑客帝国》的导演是沃卓斯基姐妹。", cancellation);
        foreach (var city in (string[])["France: Paris", "Spain: Madrid", "Italy: Rome", "Japan: Tokyo", "Peru: Lima", "Kenya: Nairobi"])
            await RateAsync($"What is the capital of {city.Split(": ")[0]}?", $"The capital of {city.Split(": ")[0]} is {city.Split(": ")[1]}.", 5, cancellation);
        var v1 = await FreezeAsync(cancellation);
        var first = await QueueAsync(v1, Starter, """{"epochs":5}""", cancellation);
        var films = await PublishAsync(first, await WorkAsync(first, 120, 120, cancellation: cancellation), "films-1", cancellation);
        var second = await QueueAsync(v1, Starter, """{"peak_learning_rate":0.001}""", cancellation);
        await PublishAsync(second, await WorkAsync(second, 90, 90, to: 0.7, cancellation: cancellation), "films-hot", cancellation);

        await using var db = open();
        await db.DeployAsync(Deployment.Champion, films.Id, "Knows who directed The Matrix, and forgot nothing.", Ada.Id, cancellation);
        await CorrectAsync("What is seven plus five?", "Seven plus five is thirteen.", "Seven plus five is twelve.", cancellation);
        var v2 = await FreezeAsync(cancellation);
        var third = await QueueAsync(v2, films, "{}", cancellation);
        var sums = await PublishAsync(third, await WorkAsync(third, 150, 150, from: 1.4, to: 0.3, cancellation: cancellation), "sums-1", cancellation);
        var broken = await QueueAsync(v2, films, """{"batch_size":64,"micro_batch_size":64}""", cancellation);
        var attempt = await WorkAsync(broken, 7, 60, cancellation: cancellation);
        await db.EndAsync(broken.Id, attempt, RunState.Failed, "The child process was killed at step 7: it needed more memory than the machine has. Lower micro_batch_size, and nothing else.", cancellation);
        var gone = await QueueAsync(v2, films, "{}", cancellation);
        await db.CancelAsync(gone.Id, cancellation);
        var live = await QueueAsync(v2, sums, """{"epochs":4}""", cancellation);
        attempt = await WorkAsync(live, 64, 160, from: 1.9, to: 0.35, cancellation: cancellation);
        await db.NoteAsync(live.Id, attempt, "Resumed at step 40 after its worker stopped.", cancellation);
        await db.Database.ExecuteSqlAsync($"UPDATE training_metrics SET at = now() - make_interval(secs => (64 - step) * 1.3) WHERE run_id = {live.Id}", cancellation);
        await CorrectAsync("Who wrote Hamlet?", "Hamlet was written by Charles Dickens.", "Hamlet was written by William Shakespeare.", cancellation);

        await db.SaveScheduleAsync(new TrainingSchedule
        {
            ProjectId = Project.Id, Recipe = SftSettings.Recipe, Settings = "{}", Cron = "0 2 * * *", MinNewJudgements = 20,
            DeployIf = new DeployRule().ToJson(), CreatedBy = Ada.Id, CreatedAt = Now,
        }, cancellation);
        await db.Database.ExecuteSqlAsync($"UPDATE training_schedules SET last_look_at = now() - interval '7 hours', last_outcome = '12 new judgements, 20 are needed: nothing to do.'", cancellation);
        await ReportAsync("http://127.0.0.1:5081", films, null, cancellation);
        await ReportAsync("http://gpu-2:5081", Starter, "Checkpoint films-1 was refused: model.safetensors does not match its manifest (SHA-256 differs in the last 4 MB). The folder is damaged; copy it again. starter keeps serving.", cancellation);
        await ReportAsync("http://gpu-3:5081", films, null, cancellation);
        await db.Database.ExecuteSqlAsync($"UPDATE servers SET seen_at = now() - interval '4 hours' WHERE url = 'http://gpu-3:5081'", cancellation);
        await AgentRunsAsync(cancellation);
    }

    public async Task ReportAsync(string url, Checkpoint loaded, string? error, CancellationToken cancellation = default)
    {
        await using var db = open();
        var json = System.Text.Json.JsonSerializer.Serialize(new[]
        {
            new { name = Deployment.Champion, checkpoint_id = loaded.Id, checkpoint = loaded.Name, manifest_sha256 = loaded.ManifestSha256, since = Now.AddHours(-2) },
        });
        await db.ReportServerAsync(url, ServerKind.Moss, json, error, cancellation);
    }

    private async Task AgentRunsAsync(CancellationToken cancellation)
    {
        await using var db = open();
        foreach (var (turn, end, reason, error) in ((int, RunState?, string, string?)[])
            [(5, RunState.Succeeded, "script_finished", null), (2, RunState.Failed, "error", "The server http://127.0.0.1:5081 did not answer for 2 minutes."), (3, null, "", null)])
        {
            var run = await db.QueueScenarioAsync(Guid.CreateVersion7(), Project.Id, Scenario, null, Ada.Id, cancellation);
            var attempt = await db.TryClaimAgentRunAsync(run.Id, Lease, cancellation) ?? 0;
            var agent = await db.EnsureMachineAsync(AnnotatorKind.Agent, run.ScenarioSha256, $"Scenario {run.ScenarioName}", Now, cancellation);
            await db.StartConversationAsync(Guid.CreateVersion7(), Project.Id, ConversationOrigin.Agent, "films-en@1: Who directed Titanic?", "en", agent.Id, run.Id, null, cancellation);
            await db.ProgressAgentRunAsync(run.Id, attempt, turn, turn, turn > 2 ? 1 : 0, cancellation);
            if (end is { } state) await db.EndAgentRunAsync(run.Id, attempt, state, reason, error, cancellation);
        }
    }

    public const string Scenario = """
        schema: moss.scenario/v1
        id: films-en
        version: 1
        split: train
        languages: [en]
        participants:
          target: { agent: moss@champion, sampling: { temperature: 0 } }
        turns:
          - user: "Who directed Titanic?"
            expect: [{ check: contains, value: "James Cameron" }]
          - user: "Who directed Inception?"
          - user: "Who directed The Matrix?"
            expect: [{ check: equals, value: "The Matrix was directed by Lana and Lilly Wachowski." }]
          - user: "What is the capital of France?"
          - user: "What is seven plus five?"
            expect: [{ check: numeric, value: 12 }]
        provenance: { license: Apache-2.0, purpose: [sft] }
        """;
}
