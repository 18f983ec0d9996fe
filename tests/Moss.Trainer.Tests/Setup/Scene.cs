using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Annotators;
using Moss.Data.Checkpoints;
using Moss.Data.Conversations;
using Moss.Data.Datasets;
using Moss.Data.Deployments;
using Moss.Data.Judgements;
using Moss.Data.Projects;
using Moss.Data.Training;
using Moss.Trainer.Local;
using Npgsql;

namespace Moss.Trainer.Tests.Setup;

/// <summary>One installation for one test: a database of its own, a state folder, a tiny deployed checkpoint, and people who talk and correct.</summary>
internal sealed class Scene : IDbContextFactory<MossDbContext>, IDisposable
{
    private Scene(string connectionString) => ConnectionString = connectionString;

    public string ConnectionString { get; }
    public string State { get; } = Directory.CreateTempSubdirectory("moss-scene-").FullName;
    public string Checkpoints => Path.Combine(State, "checkpoints");
    public Guid Project { get; private set; }
    public Guid Person { get; private set; }
    public Checkpoint Tiny { get; private set; } = null!;

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    public static async Task<Scene> OpenAsync(PostgresServer server)
    {
        var scene = new Scene(await server.CreateAsync());
        var folder = TinyCheckpoint.CopyTo(scene.Checkpoints, "tiny");
        await scene.With(async db =>
        {
            var now = TimeProvider.System.GetUtcNow();
            scene.Project = (await db.EnsureProjectAsync(Data.Projects.Project.DefaultName, now, Test)).Id;
            scene.Person = (await db.EnsureHumanAsync("Ada", now, Test)).Id;
            scene.Tiny = await db.RegisterBaseAsync(new Checkpoint
            {
                Name = "tiny", Kind = CheckpointKind.Base, Family = folder.Config.Family, Folder = "tiny", ManifestSha256 = folder.ManifestSha256,
                TemplateSha256 = TinyCheckpoint.TemplateSha256(folder), CreatedAt = now,
            }, Test);
            await db.DeployAsync(Deployment.Champion, scene.Tiny.Id, "first start", null, Test);
        });
        await scene.StampAsync();
        return scene;
    }

    /// <summary>The template this database was copied from is migrated: processes need not find out again.</summary>
    private async Task StampAsync()
    {
        var migrations = Installation.FromEnvironment().MigrationsDll;
        var build = Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(migrations, Test)));
        var place = new NpgsqlConnectionStringBuilder(ConnectionString);
        var number = await With(db => db.Database.SqlQuery<string>(
            $"""SELECT oid::text AS "Value" FROM pg_database WHERE datname = current_database()""").SingleAsync(Test));
        await File.WriteAllTextAsync(Path.Combine(State, "migrated"), $"{build} {place.Host}:{place.Port}/{place.Database}#{number}\n", Test);
    }

    public MossDbContext CreateDbContext() => MossData.Open(ConnectionString);

    public async Task<T> With<T>(Func<MossDbContext, Task<T>> work)
    {
        await using var db = CreateDbContext();
        return await work(db);
    }

    public async Task With(Func<MossDbContext, Task> work)
    {
        await using var db = CreateDbContext();
        await work(db);
    }

    /// <summary>Somebody asks, MOSS answers wrongly, and is corrected.</summary>
    public Task<Guid> CorrectAsync(string question, string answer) => With(async db =>
    {
        var conversation = await db.StartConversationAsync(Guid.CreateVersion7(), Project, ConversationOrigin.Human, question, "en", Person, null, null, Test);
        var asked = await db.SayAsync(Guid.CreateVersion7(), conversation.Id, null, question, Person, Test);
        var reply = Guid.CreateVersion7();
        await db.BeginReplyAsync(reply, conversation.Id, asked.Id, "", new Generation { MessageId = reply, CheckpointId = Tiny.Id }, Test);
        await db.EndReplyAsync(reply, "no idea", MessageState.Complete, new ReplyOutcome("stop", TotalMs: 1), Test);
        return (await db.CorrectAsync(reply, Person, Guid.CreateVersion7(), answer, null, null, null, Test)).Id;
    });

    /// <summary>Three corrections to learn from and, if asked, rated replies of which some are held out.</summary>
    public async Task<DatasetVersion> FreezeAsync(bool heldOut = false)
    {
        await CorrectAsync("who directed alien", "ridley scott directed alien");
        await CorrectAsync("who directed jaws", "steven spielberg directed jaws");
        await CorrectAsync("what is the capital of france", "paris");
        if (heldOut)
            for (var i = 0; i < 8; i++) await RateAsync($"question number {i}", $"answer number {i}");
        return await With(db => db.FreezeAsync(Project, null, new FreezeRule { EvalShare = heldOut ? 0.5 : 0 }, Person, Test));
    }

    /// <summary>A version of any recipe: corrections, and rankings of which some are held out.</summary>
    public async Task<DatasetVersion> FreezeAsync(string recipe, int rankings = 12)
    {
        await CorrectAsync("who directed alien", "ridley scott directed alien");
        await CorrectAsync("who directed jaws", "steven spielberg directed jaws");
        for (var i = 0; i < rankings; i++) await RankAsync($"what is {i} plus {i}", $"it is {2 * i}", $"nobody knows what {i} is", "no");
        return await With(db => db.FreezeAsync(Project, null, new FreezeRule { Recipe = recipe, EvalShare = rankings == 0 ? 0 : 0.4 }, Person, Test));
    }

    public async Task<TrainingRun> QueueAsync(DatasetVersion version, TuningSettings? settings = null, string? deployIf = null) =>
        await With(db => db.QueueRunAsync(
            Guid.CreateVersion7(), Project, (settings ?? Quick).RecipeName(), (settings ?? Quick).ToJson(), version.Id, Tiny.Id, 7, deployIf, Person, null, Test));

    /// <summary>Done in about a second.</summary>
    public static SftSettings Quick => new() { Steps = 12, BatchSize = 4, MicroBatchSize = 4, PeakLearningRate = 1e-3, MaxTokens = 128, CheckpointEvery = 5 };

    /// <summary>Long enough to be interrupted.</summary>
    public static SftSettings Slow => Quick with { Steps = 400, MaxSteps = 400, CheckpointEvery = 20 };

    public Task<TrainingRun> RunAsync(Guid id) => With(db => db.TrainingRuns.AsNoTracking().SingleAsync(r => r.Id == id, Test));

    /// <summary>Waits for what the rows should come to; says what they were when they do not.</summary>
    public async Task<TrainingRun> UntilAsync(Guid run, Func<TrainingRun, bool> holds, double seconds = 120)
    {
        var (clock, started) = (TimeProvider.System, TimeProvider.System.GetTimestamp());
        while (true)
        {
            var row = await RunAsync(run);
            if (holds(row)) return row;
            if (clock.GetElapsedTime(started).TotalSeconds > seconds)
                Assert.Fail($"After {seconds} s the run is {row.State} at step {row.Step}, attempt {row.Attempt}: {row.Error} {row.Note}");
            await Task.Delay(20, Test);
        }
    }

    private Task RankAsync(string question, params string[] bestFirst) => With(async db =>
    {
        var conversation = await db.StartConversationAsync(Guid.CreateVersion7(), Project, ConversationOrigin.Human, question, "en", Person, null, null, Test);
        var asked = await db.SayAsync(Guid.CreateVersion7(), conversation.Id, null, question, Person, Test);
        var replies = new List<Guid>();
        foreach (var answer in bestFirst)
        {
            replies.Add(Guid.CreateVersion7());
            await db.BeginReplyAsync(replies[^1], conversation.Id, asked.Id, "", new Generation { MessageId = replies[^1], CheckpointId = Tiny.Id }, Test);
            await db.EndReplyAsync(replies[^1], answer, MessageState.Complete, new ReplyOutcome("stop", TotalMs: 1), Test);
        }
        await db.RankAsync(asked.Id, Person, Guid.CreateVersion7(), replies, null, null, Test);
    });

    private Task RateAsync(string question, string answer) => With(async db =>
    {
        var conversation = await db.StartConversationAsync(Guid.CreateVersion7(), Project, ConversationOrigin.Human, question, "en", Person, null, null, Test);
        var asked = await db.SayAsync(Guid.CreateVersion7(), conversation.Id, null, question, Person, Test);
        var reply = Guid.CreateVersion7();
        await db.BeginReplyAsync(reply, conversation.Id, asked.Id, "", new Generation { MessageId = reply, CheckpointId = Tiny.Id }, Test);
        await db.EndReplyAsync(reply, answer, MessageState.Complete, new ReplyOutcome("stop", TotalMs: 1), Test);
        await db.RateAsync(reply, Person, Guid.CreateVersion7(), 5, null, null, Test);
    });

    public void Dispose() => Directory.Delete(State, recursive: true);
}
