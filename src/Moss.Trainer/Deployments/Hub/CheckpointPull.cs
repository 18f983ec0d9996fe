using Moss.Data;

namespace Moss.Trainer.Deployments.Hub;

/// <summary>Brings a checkpoint from a hub into a folder. Broken off, the same call goes on where it was.</summary>
/// <param name="show">What is being pulled, the share that is here (less than 0 when nobody knows), bytes so far.</param>
internal sealed class CheckpointPull(HubAddress address, string folder, string? token, TimeProvider clock, Action<string, double, long> show)
{
    private const int LongestListing = 32 << 20;

    /// <summary>Pause after the first failure; each further one doubles it.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <param name="Pulled">Files that came now.</param>
    /// <param name="Kept">Files that were here already, with the right hash.</param>
    /// <param name="Pickled">The weights are .bin files and have to be converted.</param>
    public sealed record Outcome(string? Commit, int Pulled, int Kept, long Bytes, bool Pickled);

    public async Task<Outcome> RunAsync(CancellationToken cancellation)
    {
        using var client = new HubClient(address.Hub, token);
        var listing = await ListAsync(client, cancellation);
        var files = listing.Checkpoint();
        if (files.All(f => f.Name != "config.json"))
            throw new MossInputException($"{address.Listing} lists no config.json: '{address.Repository}' is no checkpoint.");
        if (!files.Any(f => f.Name.EndsWith(".safetensors", StringComparison.Ordinal)) && !HubListing.IsPickled(files)) throw new MossInputException(
            $"{address.Listing} lists no weights: neither model*.safetensors nor pytorch_model*.bin.");
        Directory.CreateDirectory(folder);
        RefuseWithoutRoom(files);

        var pinned = address with { Revision = listing.Commit ?? address.Revision };
        var total = files.Any(f => f.Bytes is null) ? 0 : files.Sum(f => f.Bytes!.Value);
        var (kept, bytes, finished) = (0, 0L, 0L);
        foreach (var file in files)
        {
            HubDownload? download = null;
            download = new HubDownload(client, pinned, file, folder, count =>
            {
                bytes += count;
                show(file.Name, total == 0 ? -1 : (double)(finished + download!.Here) / total, bytes);
            });
            if (await download.RunAsync(new Retries(clock, FirstPause), cancellation)) kept++;
            finished += file.Bytes ?? 0;
        }
        return new(listing.Commit, files.Count - kept, kept, bytes, HubListing.IsPickled(files));
    }

    private async Task<HubListing> ListAsync(HubClient client, CancellationToken cancellation)
    {
        HubListing? listing = null;
        await new Retries(clock, FirstPause).UntilDoneAsync(async token =>
        {
            using var answer = await client.GetAsync(address.Listing, null, token);
            await using var body = await answer.Response.Content.ReadAsStreamAsync(token);
            var (json, buffer) = (new MemoryStream(), new byte[1 << 16]);
            for (int read; (read = await body.ReadAsync(buffer, token)) > 0;)
            {
                json.Write(buffer, 0, read);
                if (json.Length > LongestListing)
                    throw new InvalidDataException($"{address.Listing} answers with more than {LongestListing:N0} bytes; that is no list of files.");
            }
            listing = HubListing.Parse(json.ToArray(), address.Listing);
            return true;
        }, () => 0, cancellation);
        return listing!;
    }

    private void RefuseWithoutRoom(IReadOnlyList<HubFile> files)
    {
        var needed = files.Sum(f => Math.Max(0, (f.Bytes ?? 0) - Present(f.Name) - Present(f.Name + ".part")));
        var free = new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace;
        if (needed > free) throw new MossInputException(
            $"'{folder}' has room for {free / 1e9:F1} GB, and {needed / 1e9:F1} GB are still to come. Make room, or pull into another folder with --to.");

        long Present(string name) => new FileInfo(Path.Combine(folder, name)) is { Exists: true } file ? file.Length : 0;
    }
}
