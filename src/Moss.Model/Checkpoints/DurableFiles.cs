using System.Runtime.InteropServices;

namespace Moss.Model.Checkpoints;

/// <summary>Writing that survives a power cut: files and folders are flushed to the disk before they are named.</summary>
internal static partial class DurableFiles
{
    public static void WriteText(string path, string text)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None);
        file.Write(System.Text.Encoding.UTF8.GetBytes(text));
        file.Flush(flushToDisk: true);
    }

    public static void Copy(string from, string to)
    {
        using var source = File.OpenRead(from);
        using var file = new FileStream(to, FileMode.Create, FileAccess.Write, FileShare.None);
        source.CopyTo(file);
        file.Flush(flushToDisk: true);
    }

    /// <summary>Makes a rename or a new file in the folder permanent. Windows does so by itself.</summary>
    public static void FlushFolder(string path)
    {
        if (OperatingSystem.IsWindows()) return;
        var descriptor = Open(path, 0);
        if (descriptor < 0) throw new IOException($"'{path}' could not be opened to flush it (error {Marshal.GetLastPInvokeError()}).");
        var result = Fsync(descriptor);
        var error = Marshal.GetLastPInvokeError();
        _ = Close(descriptor);
        if (result != 0) throw new IOException($"'{path}' could not be flushed to the disk (error {error}).");
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
