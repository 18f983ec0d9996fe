namespace Moss.Trainer.Local;

/// <summary>A program's log: lines are appended, and past ten megabytes the file becomes NAME.1 and a new one begins.</summary>
internal sealed class LogFile(string path)
{
    public const long MaxBytes = 10_000_000;

    private const int TailLines = 8;

    private readonly Lock _turn = new();
    private readonly Queue<string> _recent = [];

    public string Path => path;

    public void Write(string line)
    {
        lock (_turn)
        {
            if (File.Exists(path) && new FileInfo(path).Length > MaxBytes) File.Move(path, path + ".1", overwrite: true);
            _recent.Enqueue(line);
            if (_recent.Count > TailLines) _recent.Dequeue();
            File.AppendAllText(path, line + "\n");
        }
    }

    /// <summary>Begins a run of the program: what is told of its end is only what it said itself.</summary>
    public void Begin(DateTimeOffset at)
    {
        lock (_turn) _recent.Clear();
        Write($"--- started {at:u}");
    }

    /// <summary>The last lines of this run, for a message about what went wrong.</summary>
    public string Tail()
    {
        lock (_turn) return string.Join(Environment.NewLine, _recent.Select(line => "    " + line));
    }
}
