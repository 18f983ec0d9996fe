using Moss.Trainer.Local;

namespace Moss.Trainer.Tests.Local;

public sealed class GuardedProcessTests
{
    private static readonly Dictionary<string, string> NoVariables = [];

    [Fact]
    public async Task A_program_deaf_to_TERM_is_killed_when_the_grace_is_over()
    {
        var (said, line) = Listener();
        await using var process = Start("trap '' TERM; echo $$; while :; do sleep 0.1; done", TimeSpan.FromSeconds(1), line);
        var pid = int.Parse(await said, System.Globalization.CultureInfo.InvariantCulture);

        await process.StopAsync();

        Assert.Equal(137, await process.Ended); // 128 + KILL
        Assert.Null(LiveProcess.CommandLine(pid));
    }

    [Fact]
    public async Task What_a_program_started_and_left_behind_ends_with_it()
    {
        var (said, line) = Listener();
        await using var process = Start("sleep 1000 & echo $!; exit 3", GuardedProcess.Grace, line);

        Assert.Equal(3, await process.Ended);

        Assert.Null(LiveProcess.CommandLine(int.Parse(await said, System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public void Pauses_double_up_to_half_a_minute_and_begin_anew_after_a_minute_of_health()
    {
        var clock = new HandClock();
        var pauses = new BackOff(clock);
        Assert.Equal([0.5, 1, 2, 4, 8, 16, 30, 30], Enumerable.Range(0, 8).Select(_ => pauses.Next().TotalSeconds));

        pauses.Started();
        clock.Pass(BackOff.Healthy);
        Assert.Equal(BackOff.First, pauses.Next());
    }

    [Fact]
    public void A_log_past_ten_megabytes_begins_anew_and_keeps_the_one_before()
    {
        var path = Path.GetTempFileName();
        File.WriteAllText(path, new string('x', (int)LogFile.MaxBytes + 1));
        var log = new LogFile(path);
        log.Write("first of the new one");

        Assert.Equal("first of the new one\n", File.ReadAllText(path));
        Assert.Equal(LogFile.MaxBytes + 1, new FileInfo(path + ".1").Length);
        File.Delete(path);
        File.Delete(path + ".1");
    }

    private static GuardedProcess Start(string script, TimeSpan grace, Action<string> line) =>
        GuardedProcess.Start(["bash", "-c", script], Path.GetTempFileName(), null, NoVariables, line, grace);

    // The first line that a program says.
    private static (Task<string> Said, Action<string> Line) Listener()
    {
        var first = new TaskCompletionSource<string>();
        return (first.Task, line => first.TrySetResult(line));
    }

    private sealed class HandClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Pass(TimeSpan time) => _now += time.Ticks;
    }
}
