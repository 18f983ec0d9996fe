using Moss.Data.Checkpoints;
using Moss.Model;
using Moss.Model.Checkpoints;
using Moss.Model.Generation;
using Moss.Model.Inference;
using Moss.Model.Text;
using Moss.Trainer.Serving;

namespace Moss.Trainer.Deployments;

/// <summary>The folder that all checkpoint folders lie in, and the way from there into memory.</summary>
internal sealed class CheckpointStore(string root, ServeOptions options, TimeProvider clock, ILogger<CheckpointStore> logger)
{
    /// <summary>Loads aside on a thread of its own, so that replies in progress go on meanwhile.</summary>
    /// <exception cref="InvalidDataException">Why this checkpoint is not put into service.</exception>
    public Task<ServedCheckpoint> LoadAsync(Checkpoint row, CancellationToken cancellation) =>
        Task.Factory.StartNew(() => Load(row), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    // 1 every file against the manifest  2 the manifest against the row  3 the answers against checks.json
    // 4 one reply, so that the first request finds it warm
    private ServedCheckpoint Load(Checkpoint row)
    {
        var loaded = LoadedCheckpoint.Load(FolderOf(row));
        try
        {
            if (loaded.ManifestSha256 != row.ManifestSha256) throw new InvalidDataException(
                $"'{FolderOf(row)}' has the manifest {loaded.ManifestSha256}, but checkpoint '{row.Name}' was registered with {row.ManifestSha256}. " +
                "The folder was replaced by another checkpoint's. Put the original back, or deploy another checkpoint.");
            loaded.VerifyChecks();
            Generation.Complete(loaded, [new ChatTurn(ChatTurn.User, "Hello")], SamplingOptions.Greedy with { MaxNewTokens = 2 });
            var (precision, agreement) = options.Precision == "auto"
                ? PrecisionChoice.For(loaded, TorchRuntime.Threads) : (Enum.Parse<WeightPrecision>(options.Precision, ignoreCase: true), double.NaN);
            logger.LogInformation("Checkpoint {Checkpoint} is read with {Precision} precision; agreement with its weights as trained: {Agreement:P1}", row.Name, precision, agreement);
            return new ServedCheckpoint(row.Id, row.Name, loaded, clock.GetUtcNow(), precision, options.ActiveReplies);
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    private string FolderOf(Checkpoint row)
    {
        var (home, folder) = (Path.GetFullPath(root), Path.GetFullPath(Path.Combine(root, row.Folder)));
        if (!folder.StartsWith(home + Path.DirectorySeparatorChar, StringComparison.Ordinal)) throw new InvalidDataException(
            $"Checkpoint '{row.Name}' names the folder '{row.Folder}', which lies outside '{home}'. Register it again with a folder inside.");
        return folder;
    }
}
