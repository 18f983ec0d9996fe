using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace Moss.Trainer.Training.Planning;

/// <summary>What this machine can give a run.</summary>
/// <param name="MemoryLimit">Bytes: all of the machine's memory, or what the container may take.</param>
/// <param name="MemoryFree">Bytes that are free now.</param>
/// <param name="DiskFree">Bytes free where checkpoints are written.</param>
internal sealed record Machine(long MemoryLimit, long MemoryFree, long DiskFree)
{
    private const int ProbeBytes = 16 << 20;

    public static Machine Here(string checkpoints)
    {
        var limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes; // knows the container's limit as well as the machine's
        Directory.CreateDirectory(checkpoints);
        return new(limit, Math.Min(limit, Available() ?? limit), new DriveInfo(Path.GetFullPath(checkpoints)).AvailableFreeSpace);
    }

    /// <summary>Seconds to write and hash one byte where training states go.</summary>
    public static double SecondsPerWrittenByte(string state)
    {
        Directory.CreateDirectory(state);
        var path = Path.Combine(state, $"probe-{Guid.NewGuid():N}.tmp");
        var bytes = new byte[ProbeBytes];
        var started = Stopwatch.GetTimestamp();
        try
        {
            using (var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(bytes);
                SHA256.HashData(bytes);
                file.Flush(flushToDisk: true);
            }
            return Stopwatch.GetElapsedTime(started).TotalSeconds / ProbeBytes;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static long? Available() => OperatingSystem.IsLinux()
        && File.ReadLines("/proc/meminfo").FirstOrDefault(l => l.StartsWith("MemAvailable:", StringComparison.Ordinal)) is { } line
        && long.TryParse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture, out var kilobytes) ? kilobytes * 1024 : null;
}
