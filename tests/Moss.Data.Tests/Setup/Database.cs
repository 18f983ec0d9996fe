using Microsoft.EntityFrameworkCore;
using Moss.Data.Annotators;
using Moss.Data.Checkpoints;
using Moss.Data.Conversations;
using Moss.Data.Projects;
using Npgsql;

namespace Moss.Data.Tests;

/// <summary>A database of its own for one test class, with short ways to put things into it.</summary>
public sealed class Database(PostgresServer server) : IAsyncLifetime, IDbContextFactory<MossDbContext>
{
    public string ConnectionString { get; private set; } = "";

    public async ValueTask InitializeAsync() => ConnectionString = await server.CreateAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

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

    /// <summary>Runs SQL as anyone with psql could; the message of PostgreSQL's refusal, or null when it was done.</summary>
    public async Task<string?> RefusalAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync(Test);
        try
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(Test);
            return null;
        }
        catch (PostgresException e)
        {
            return e.MessageText + (e.ConstraintName is { } name ? $" [{name}]" : "");
        }
    }

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync(Test);
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync(Test))!;
    }

    public Task<Project> ProjectAsync() => With(db => db.EnsureProjectAsync($"p-{Guid.NewGuid():N}", Now, Test));

    public Task<Annotator> HumanAsync(string? name = null) => With(db => db.EnsureHumanAsync(name ?? $"Ada {Guid.NewGuid():N}", Now, Test));

    public Task<Checkpoint> CheckpointAsync(string name = "base") => With(db => db.RegisterBaseAsync(NewCheckpoint(name), Test));

    public static Checkpoint NewCheckpoint(string name, Guid? parent = null, Guid? run = null)
    {
        var hash = $"{Guid.NewGuid():N}{Guid.NewGuid():N}";
        return new Checkpoint
        {
            Name = $"{name}-{hash[..8]}",
            ParentId = parent,
            TrainingRunId = run,
            Kind = run is null ? CheckpointKind.Base : CheckpointKind.Full,
            Family = "qwen3",
            Folder = name + hash[..8],
            ManifestSha256 = hash,
            TemplateSha256 = hash,
            CreatedAt = Now,
        };
    }

    /// <summary>A finished exchange in a new conversation of the project: what was asked and what MOSS replied.</summary>
    public async Task<(Guid Conversation, Message Question, Message Reply)> ExchangeAsync(
        Guid projectId, Guid annotatorId, Guid checkpointId, string question, string answer, Guid? agentRunId = null, string? system = null)
    {
        await using var db = CreateDbContext();
        var origin = agentRunId is null ? ConversationOrigin.Human : ConversationOrigin.Agent;
        var conversation = await db.StartConversationAsync(Guid.CreateVersion7(), projectId, origin, question, "en", annotatorId, agentRunId, system, Test);
        var (asked, reply) = await TurnAsync(conversation.Id, null, annotatorId, checkpointId, question, answer);
        return (conversation.Id, asked, reply);
    }

    public async Task<(Message Question, Message Reply)> TurnAsync(
        Guid conversationId, Guid? parentId, Guid annotatorId, Guid checkpointId, string question, string answer, MessageState state = MessageState.Complete)
    {
        await using var db = CreateDbContext();
        var asked = await db.SayAsync(Guid.CreateVersion7(), conversationId, parentId, question, annotatorId, Test);
        var id = Guid.CreateVersion7();
        await db.BeginReplyAsync(id, conversationId, asked.Id, "", new Generation { MessageId = id, CheckpointId = checkpointId }, Test);
        await db.EndReplyAsync(id, answer, state, new ReplyOutcome(state == MessageState.Complete ? "stop" : "stopped", TotalMs: 12), Test);
        return (asked, await db.Messages.AsNoTracking().SingleAsync(m => m.Id == id, Test));
    }

    public static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    private static CancellationToken Test => TestContext.Current.CancellationToken;
}
