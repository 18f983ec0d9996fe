using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Model;
using Moss.Model.Checkpoints;
using Moss.Model.Text;
using Moss.Trainer.Local;

namespace Moss.Trainer.Deployments;

/// <summary>A checkpoint that was made elsewhere: a folder in Hugging Face layout, taken in as one of ours, with a manifest and checks of its own.</summary>
internal static class AddedCheckpoint
{
    /// <summary>Reads everything in the folder, writes it below the checkpoint root and registers it. The source is left as it is.</summary>
    public static async Task<Checkpoint> AddAsync(
        MossDbContext db, Installation installation, string source, string name, CancellationToken cancellation)
    {
        if (name.Length == 0 || name is "." or ".." || name.AsSpan().ContainsAny('/', '\\', '\0'))
            throw new MossInputException($"'{name}' cannot be the name of a checkpoint, because it will be the name of a folder. Give another one with --name.");
        var target = Path.Combine(installation.Checkpoints, name);
        if (Directory.Exists(target) || await db.Checkpoints.AnyAsync(c => c.Name == name, cancellation))
            throw new MossInputException($"There is a checkpoint '{name}' already. Give another name with --name.");

        Directory.CreateDirectory(installation.Checkpoints);
        using var loaded = LoadedCheckpoint.Load(source);
        var samples = SampleConversations.Read(await File.ReadAllBytesAsync(Path.Combine(installation.Home, "samples", "conversations.jsonl"), cancellation));
        var manifest = CheckpointFolder.Write(target, loaded, new JsonObject
        {
            ["format"] = "moss.checkpoint/1",
            ["kind"] = nameof(CheckpointKind.Base),
            ["added_from"] = Path.GetFileName(Path.GetFullPath(source)),
            ["template_sha256"] = loaded.ChatTemplate.Sha256,
        }, [.. samples.Take(CheckpointChecks.PromptCount).Select(sample => (IReadOnlyList<ChatTurn>)[sample.Turns[0]])]);

        try
        {
            return await RegisterAsync();
        }
        catch
        {
            Directory.Delete(target, recursive: true); // no table knows it, and its name would stay taken
            throw;
        }

        async Task<Checkpoint> RegisterAsync()
        {
            var registered = await db.RegisterBaseAsync(new Checkpoint
            {
                Name = name,
                Kind = CheckpointKind.Base,
                Family = loaded.Config.Family,
                Folder = name,
                ManifestSha256 = manifest,
                TemplateSha256 = loaded.ChatTemplate.Sha256,
                State = CheckpointState.Accepted,
                CreatedAt = TimeProvider.System.GetUtcNow(),
            }, cancellation);
            if (registered.Name != name) Directory.Delete(target, recursive: true); // taken in before, under another name
            return registered;
        }
    }
}
