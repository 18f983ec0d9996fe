using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Interchange;
using Moss.Data.Training;

namespace Moss.Data.Tests;

/// <summary>Longer ways through the loop, for tests that begin where it ends.</summary>
internal static class Loop
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    /// <summary>Queues a run on the version, claims it and publishes a checkpoint, as a worker would.</summary>
    public static async Task<Checkpoint> TrainAsync(this Database data, DatasetVersion version, Checkpoint from)
    {
        await using var db = data.CreateDbContext();
        var run = await db.QueueRunAsync(Guid.CreateVersion7(), version.ProjectId, "sft", "{}", version.Id, from.Id, 0, null, null, null, Test);
        var attempt = await db.TryClaimAsync(run.Id, TimeSpan.FromMinutes(1), Test);
        var made = Database.NewCheckpoint("tuned", from.Id, run.Id);
        Assert.True(await db.PublishAsync(made, attempt!.Value, Test));
        return made;
    }

    /// <summary>Imports these lines, written to a temporary file.</summary>
    public static async Task<ImportReport> ImportAsync(
        this Database data, string project, string content, string format = "openai", string? rejects = null, byte[]? bytes = null)
    {
        var path = Path.Combine(Path.GetTempPath(), $"moss-import-{Guid.NewGuid():N}.jsonl");
        await File.WriteAllBytesAsync(path, bytes ?? System.Text.Encoding.UTF8.GetBytes(content), Test);
        try
        {
            await using var db = data.CreateDbContext();
            return await Importing.ImportAsync(db, path, format, project, rejects, null, Test);
        }
        finally
        {
            File.Delete(path);
        }
    }

    public static string OpenAiLine(params ReadOnlySpan<string> turns)
    {
        var messages = turns.ToArray().Index().Select(t => new { role = t.Index % 2 == 0 ? "user" : "assistant", content = t.Item });
        return System.Text.Json.JsonSerializer.Serialize(new { messages });
    }
}
