using System.ComponentModel;
using System.Diagnostics;

namespace Moss.Trainer.Local;

/// <summary>One finished run of a command-line tool: how it ended and all it said.</summary>
internal sealed record ToolRun(int ExitCode, string Output)
{
    /// <summary>Runs a tool to its end, standard input closed.</summary>
    public static async Task<ToolRun> OfAsync(IEnumerable<string> command, CancellationToken cancellation,
        string? workingDirectory = null, IReadOnlyDictionary<string, string>? variables = null)
    {
        var (file, arguments) = (command.First(), command.Skip(1));
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingDirectory ?? "/",
        };
        foreach (var (name, value) in variables ?? new Dictionary<string, string>()) start.Environment[name] = value;
        using var process = Start(start);
        process.StandardInput.Close();
        try
        {
            var output = await Task.WhenAll(
                process.StandardOutput.ReadToEndAsync(cancellation), process.StandardError.ReadToEndAsync(cancellation));
            await process.WaitForExitAsync(cancellation);
            return new ToolRun(process.ExitCode, string.Concat(output).Trim());
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException($"'{start.FileName}' is needed and could not be started ({e.Message}). Install it by your system's package manager.", e);
        }
    }

    /// <summary>Runs a tool that has to succeed.</summary>
    public static async Task<string> MustAsync(IEnumerable<string> command, CancellationToken cancellation)
    {
        var run = await OfAsync(command, cancellation);
        return run.ExitCode == 0 ? run.Output : throw new InvalidOperationException(
            $"'{string.Join(' ', command)}' ended with code {run.ExitCode}: {run.Output}");
    }

    /// <summary>The first file of this name in the folders of PATH, or null.</summary>
    public static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
}
