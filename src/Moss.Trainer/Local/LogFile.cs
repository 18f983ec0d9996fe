using System.Text;

namespace Moss.Trainer.Local;

/// <summary>A program's log: lines are appended, and past ten megabytes the file becomes NAME.1 and a new one begins.</summary>
internal sealed class LogFile(string path)
{
    public const long MaxBytes = 10_000_000;

    private readonly Lock _turn = new();

    public string Path => path;

    public void Write(string line)
    {
        lock (_turn)
        {
            if (File.Exists(path) && new FileInfo(path).Length > MaxBytes) File.Move(path, path + ".1", overwrite: true);
            File.AppendAllText(path, line + "\n", Encoding.UTF8);
        }
    }

    /// <summary>The last lines, for a message about what went wrong.</summary>
    public string Tail(int lines = 8)
    {
        lock (_turn)
            return File.Exists(path) ? string.Join(Environment.NewLine, File.ReadLines(path).TakeLast(lines).Select(line => "    " + line)) : "    (empty)";
    }
}
