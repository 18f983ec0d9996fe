using System.Globalization;

namespace Moss.Trainer.Local;

/// <summary>The one supervisor of an installation, as other processes see it: a lock that ends with it, and its process number.</summary>
internal sealed class RunningInstallation(Installation installation)
{
    private string Lock => Path.Combine(installation.RunFolder, "up.lock");
    private string PidFile => Path.Combine(installation.RunFolder, "up.pid");

    /// <summary>Becomes the supervisor; null when another is.</summary>
    public FileStream? TryBecome()
    {
        Directory.CreateDirectory(installation.RunFolder);
        if (LockedFile.TryTake(Lock) is not { } mine) return null;
        File.WriteAllText(PidFile, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        return mine;
    }

    /// <summary>The process number of the supervisor that runs now; null when none does.</summary>
    public int? Process()
    {
        if (!File.Exists(Lock)) return null;
        using var free = LockedFile.TryTake(Lock);
        return free is null && int.TryParse(File.ReadAllText(PidFile), CultureInfo.InvariantCulture, out var id) ? id : null;
    }

    /// <summary>After a kill -9 the old programs are still ending: waits for them, so that the new ones find their ports free.</summary>
    public async Task EndLeftoversAsync(Waiting waiting, CancellationToken cancellation)
    {
        foreach (var file in Directory.EnumerateFiles(installation.RunFolder, "*.pid").Where(file => file != PidFile))
        {
            if (Leftover(file) is not { } id)
            {
                File.Delete(file);
                continue;
            }
            var name = Path.GetFileNameWithoutExtension(file);
            if (!await waiting.UntilAsync($"{name} of the run before (process {id}) is ending", GuardedProcess.Grace + TimeSpan.FromSeconds(5),
                    _ => Task.FromResult(Leftover(file) is null), cancellation))
                await LiveProcess.SignalAsync(id, "KILL", cancellation);
        }
    }

    // The process that a file of keep-child.sh names, if it still is that program and not another one with the number.
    private static int? Leftover(string file)
    {
        try
        {
            var lines = File.ReadAllLines(file);
            return lines.Length > 1 && int.TryParse(lines[0], CultureInfo.InvariantCulture, out var id) && LiveProcess.CommandLine(id) == lines[1] ? id : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }
}
