using System.Runtime.InteropServices;

namespace Moss.Model.Native;

/// <summary>Bytes that native code holds in this process, exactly, by glibc's own books: libtorch's CPU tensors are among them.</summary>
public static partial class LiveMemory
{
    /// <summary>Null where the C library keeps no such books.</summary>
    public static long? Bytes()
    {
        if (!OperatingSystem.IsLinux()) return null;
        try
        {
            var books = Read();
            return (long)(books.InUse + books.Mapped);
        }
        catch (EntryPointNotFoundException)
        {
            return null; // musl, or a glibc before 2.33
        }
    }

    /// <summary>Gives freed pages back to the system where that is possible, so that what the process holds is what it uses.</summary>
    public static void Trim()
    {
        if (Bytes() is not null) _ = TrimNative(0);
    }

    /// <summary>Does the work and gives the most bytes that were held meanwhile, above those held before.</summary>
    public static long PeakOf(Action work)
    {
        var before = Bytes() ?? throw new PlatformNotSupportedException("The C library here does not say how much memory is in use.");
        var (most, done) = (before, false);
        var watcher = new Thread(() =>
        {
            while (!Volatile.Read(ref done))
            {
                most = Math.Max(most, Bytes() ?? 0);
                Thread.Yield(); // large tensors live for many rounds of this
            }
        })
        { IsBackground = true };
        watcher.Start();
        try
        {
            work();
        }
        finally
        {
            Volatile.Write(ref done, true);
            watcher.Join();
        }
        return most - before;
    }

    [LibraryImport("libc", EntryPoint = "mallinfo2")]
    private static partial Books Read();

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int TrimNative(nuint keep);

    // struct mallinfo2: arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost.
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Books
    {
        private readonly nuint _arena, _free, _fast, _maps;
        public readonly nuint Mapped;
        private readonly nuint _unused, _fastBytes;
        public readonly nuint InUse;
        private readonly nuint _freeBytes, _top;
    }
}
