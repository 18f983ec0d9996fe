using System.Diagnostics;
using System.Globalization;

namespace Moss.Trainer.Training.Watching;

/// <summary>How much memory this process has needed at most since the last question, bytes of RAM.</summary>
internal static class ProcessMemory
{
    private const string Status = "/proc/self/status", Clear = "/proc/self/clear_refs";

    /// <summary>On Linux the kernel's own high-water mark, which then begins anew; elsewhere what is used now.</summary>
    public static long TakePeak()
    {
        using var me = Process.GetCurrentProcess();
        if (!OperatingSystem.IsLinux() || Field("VmHWM:") is not { } peak) return me.WorkingSet64;
        try
        {
            File.WriteAllText(Clear, "5"); // proc(5): resets the peak resident set size
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Where this is not allowed the mark stays: it is then the peak of the whole run.
        }
        return peak;
    }

    /// <summary>A field of /proc/self/status that is written in kB.</summary>
    private static long? Field(string name) => File.ReadLines(Status).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal)) is { } line
        && long.TryParse(line.AsSpan(name.Length).Trim().TrimEnd("kB").Trim(), CultureInfo.InvariantCulture, out var kilobytes) ? kilobytes * 1024 : null;
}
