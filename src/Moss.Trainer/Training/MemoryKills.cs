using System.Globalization;

namespace Moss.Trainer.Training;

/// <summary>How often the kernel ended a process because memory ran out: that tells its kills from those of people.</summary>
internal static class MemoryKills
{
    // The container's own count where there is one (cgroup v2, v1), and the machine's.
    private static readonly string[] Files = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control", "/proc/vmstat"];

    /// <summary>Never falls while the machine runs; 0 where nobody counts.</summary>
    public static long Count() => Files.Sum(Count);

    private static long Count(string file)
    {
        try
        {
            return File.ReadLines(file).Select(line => line.Split(' ')).Where(parts => parts is ["oom_kill", _])
                .Select(parts => long.Parse(parts[1], CultureInfo.InvariantCulture)).FirstOrDefault();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0; // another system, or not for us to see
        }
    }
}
