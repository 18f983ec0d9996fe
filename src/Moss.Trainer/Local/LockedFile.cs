namespace Moss.Trainer.Local;

/// <summary>A file that one process at a time holds open; the system lets go of it however that process ends.</summary>
internal static class LockedFile
{
    /// <summary>The open file, or null while another process holds it.</summary>
    public static FileStream? TryTake(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }

    public static async Task<FileStream> TakeAsync(string path, string holder, Waiting waiting, CancellationToken cancellation)
    {
        FileStream? file = null;
        if (!await waiting.UntilAsync($"waiting for {holder}", TimeSpan.FromMinutes(5), _ => Task.FromResult((file = TryTake(path)) is not null), cancellation))
            throw new InvalidOperationException($"Another process has held '{path}' for five minutes. End it, then try again.");
        return file!;
    }
}
