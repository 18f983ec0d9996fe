using System.Diagnostics;
using System.Globalization;

namespace Moss.Trainer.Local;

/// <summary>What can be told about a process of which only the number is known.</summary>
internal static class LiveProcess
{
    /// <summary>Its command line, words separated by spaces; null when there is no such process, or it has ended and only waits to be reaped.</summary>
    public static string? CommandLine(int id)
    {
        try
        {
            if (!OperatingSystem.IsLinux()) return FromPs(id);
            var line = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/cmdline")).Replace('\0', ' ').Trim();
            return line.Length > 0 ? line : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Sends a signal by its name; a process that has gone meanwhile is no error.</summary>
    /// <remarks>The shell's own kill: a small Linux has no program of that name.</remarks>
    public static async Task SignalAsync(int id, string signal, CancellationToken cancellation) =>
        await ToolRun.OfAsync(["bash", "-c", string.Create(CultureInfo.InvariantCulture, $"kill -s {signal} {id}")], cancellation);

    private static string? FromPs(int id)
    {
        using var ps = Process.Start(new ProcessStartInfo("ps", ["-o", "command=", "-p", id.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
        })!;
        var line = ps.StandardOutput.ReadToEnd().Trim();
        return line.Length > 0 ? line : null;
    }
}
