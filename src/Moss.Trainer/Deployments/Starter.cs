using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Deployments;
using Moss.Model;
using Moss.Model.Checkpoints;
using Moss.Model.Learning;
using Moss.Model.Text;
using Moss.Trainer.Local;

namespace Moss.Trainer.Deployments;

/// <summary>How far the starter's training is. The time left is that of the steps left at the pace so far.</summary>
internal sealed record StarterProgress(TrainingStep Step, double SecondsLeft)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"first checkpoint: step {Step.Number} of {Step.Total}, loss {Step.Loss:F3}, about {Math.Max(1, SecondsLeft):F0} s left");

    public string ToJson() => JsonSerializer.Serialize(new
    {
        step = Step.Number,
        total_steps = Step.Total,
        loss = Step.Loss,
        seconds_left = Math.Round(SecondsLeft, 1),
    });
}

/// <summary>The checkpoint that a new installation begins with: trained here from the samples, made once and used again.</summary>
internal sealed record Starter(string Name, string Folder, string ManifestSha256, bool Made, double Seconds)
{
    private const long Seed = 1;

    private static readonly TimeSpan SayEvery = TimeSpan.FromSeconds(2);

    public sealed record Registration(Checkpoint Checkpoint, bool Deployed);

    public static async Task<Starter> MakeAsync(Installation installation, Action<StarterProgress> say, CancellationToken cancellation)
    {
        var samples = await File.ReadAllBytesAsync(Path.Combine(installation.Home, "samples", "conversations.jsonl"), cancellation);
        var name = $"starter-{Convert.ToHexStringLower(SHA256.HashData([.. Encoding.UTF8.GetBytes(StarterModel.Recipe(Seed) + SplitRule.Salt), .. samples]))[..8]}";
        var folder = Path.Combine(installation.Checkpoints, name);
        Directory.CreateDirectory(installation.Checkpoints);

        // Two first starts at once: the second waits, and finds it made.
        var waiting = new Waiting(Console.Error.WriteLine, TimeProvider.System);
        await using var alone = await LockedFile.TakeAsync(
            Path.Combine(installation.Checkpoints, name + ".lock"), "another process that makes the first checkpoint", waiting, cancellation);
        // What a start that was killed left behind.
        foreach (var unfinished in Directory.EnumerateDirectories(installation.Checkpoints, name + ".tmp-*")) Directory.Delete(unfinished, recursive: true);
        if (SoundManifest(folder) is { } sound) return new(name, folder, sound, Made: false, Seconds: 0);

        var started = TimeProvider.System.GetTimestamp();
        var manifest = await Task.Factory.StartNew(() => Train(folder, samples, say, cancellation),
            cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return new(name, folder, manifest, Made: true, TimeProvider.System.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>Registers it, and deploys it as champion when nothing ever was.</summary>
    public async Task<Registration> RegisterAsync(string connectionString, CancellationToken cancellation)
    {
        var opened = CheckpointFolder.Open(Folder);
        var template = ChatTemplate.For(opened, Tokenizer.Load(Folder)).Sha256;
        await using var db = MossData.Open(connectionString);
        // The name may belong to an earlier folder made of the same samples on another machine.
        var taken = await db.Checkpoints.AnyAsync(c => c.Name == Name && c.ManifestSha256 != ManifestSha256, cancellation);
        var checkpoint = await db.RegisterBaseAsync(new Checkpoint
        {
            Name = taken ? $"{Name}-{ManifestSha256[..4]}" : Name,
            Kind = CheckpointKind.Base,
            Family = opened.Config.Family,
            Folder = Path.GetFileName(Folder),
            ManifestSha256 = ManifestSha256,
            TemplateSha256 = template,
            State = CheckpointState.Accepted,
            CreatedAt = TimeProvider.System.GetUtcNow(),
        }, cancellation);
        var deployed = await db.Deployments.AnyAsync(cancellation);
        if (!deployed) await db.DeployAsync(Deployment.Champion, checkpoint.Id, "first start", by: null, cancellation);
        return new(checkpoint, !deployed);
    }

    /// <summary>The manifest's hash when the folder is there and sound.
    /// A damaged one is put aside: made again from the same samples, it is the same.</summary>
    private static string? SoundManifest(string folder)
    {
        if (!Directory.Exists(folder)) return null;
        try
        {
            return CheckpointFolder.Open(folder).VerifyManifest() ?? throw new InvalidDataException(
                $"'{folder}' has no manifest.json, so it was never finished.");
        }
        catch (InvalidDataException e)
        {
            var aside = $"{folder}.damaged-{Guid.NewGuid():N}";
            Directory.Move(folder, aside);
            Console.Error.WriteLine($"{e.Message} It is put aside as '{Path.GetFileName(aside)}', and the first checkpoint is made again.");
            return null;
        }
    }

    private static string Train(string folder, byte[] samples, Action<StarterProgress> say, CancellationToken cancellation)
    {
        TorchRuntime.SetThreads(Environment.ProcessorCount);
        var conversations = SampleConversations.Read(samples);
        var (clock, started, said) = (TimeProvider.System, TimeProvider.System.GetTimestamp(), 0L);
        return StarterModel.Create(folder,
            [.. conversations.Where(c => !c.HeldOut).Select(c => c.Turns)], [.. conversations.Where(c => c.HeldOut).Select(c => c.Turns)],
            step =>
            {
                cancellation.ThrowIfCancellationRequested();
                if (said != 0 && clock.GetElapsedTime(said) < SayEvery && step.Number < step.Total) return;
                said = clock.GetTimestamp();
                say(new StarterProgress(step, clock.GetElapsedTime(started).TotalSeconds / step.Number * (step.Total - step.Number)));
            }, Seed);
    }
}
