using System.Globalization;

namespace Moss.Trainer.Cli;

/// <summary>Says on standard error how far something is and how long it may still take: one line that moves, or a line every two seconds where nobody looks.</summary>
internal sealed class ProgressBar(TimeProvider clock, Action<string>? write = null)
{
    private const int Width = 24;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    private readonly bool _moves = write is null && !Console.IsErrorRedirected;
    private readonly long _started = clock.GetTimestamp();
    private long _said;
    private double _firstDone = -1;
    private long _firstAt;

    /// <param name="done">0 to 1; less than 0 when nobody knows.</param>
    public void Show(string what, double done, string? more = null)
    {
        if (_firstDone < 0 && done > 0) (_firstDone, _firstAt) = (done, clock.GetTimestamp());
        if (!_moves && clock.GetElapsedTime(_said == 0 ? _started : _said) < Every) return;
        _said = clock.GetTimestamp();
        var filled = (int)(Math.Clamp(done, 0, 1) * Width);
        var bar = done < 0 ? "" : $" [{new string('#', filled)}{new string('.', Width - filled)}] {done.ToString("P0", CultureInfo.InvariantCulture)}";
        Write($"{what}{bar}{(more is null ? "" : $", {more}")}{Left(done)}");
    }

    public void End()
    {
        if (_moves) Console.Error.Write("\r\u001b[K");
    }

    private string Left(double done)
    {
        if (done < 0) return $", {clock.GetElapsedTime(_started).TotalSeconds:F0} s";
        if (_firstDone < 0 || done <= _firstDone || done >= 1) return ""; // no pace to judge by yet
        var perShare = clock.GetElapsedTime(_firstAt).TotalSeconds / (done - _firstDone);
        return string.Create(CultureInfo.InvariantCulture, $", about {Math.Max(1, perShare * (1 - done)):F0} s left");
    }

    private void Write(string line)
    {
        if (write is not null) write(line);
        else if (_moves) Console.Error.Write($"\r\u001b[K{line}");
        else Console.Error.WriteLine(line);
    }
}
