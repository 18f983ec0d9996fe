namespace Moss.Model.Inference;

/// <summary>A few threads that go through the same phases together: whoever is free takes the next piece of the phase, and the last one to finish opens the next.</summary>
/// <remarks>
/// Phases are microseconds long, so waiting spins. On a busy machine a member may lose its core: the others then take its pieces, and it joins again
/// wherever they are. Only a member that loses its core in the middle of a piece is waited for.
/// </remarks>
internal sealed class Crew : IDisposable
{
    private const int Bits = 20; // of a piece's number, and of a phase's
    private const int Mask = (1 << Bits) - 1;
    private const int SpinsBeforeYield = 3_000, SpinsBeforeSleep = 20_000;

    private readonly Func<int, int> _pieces;
    private readonly Action<int, int, int> _work;
    private readonly Action<int> _finish;
    private readonly Thread[] _others;
    private readonly object _gate = new();
    private readonly int _phases;
    private long _next; // job, phase, and the piece of it that nobody has taken yet; the job, so that nobody mistakes a later one for his own
    private int _done;
    private bool _ending;

    /// <param name="size">Members; the thread that calls <see cref="Go"/> is one.</param>
    /// <param name="phases">Phases of a job.</param>
    /// <param name="pieces">How many pieces a phase has, at least one. Called by any member.</param>
    /// <param name="work">Does piece (phase, piece, member). Must not throw.</param>
    /// <param name="finish">Called once when a phase is done, before the next begins.</param>
    public Crew(int size, int phases, Func<int, int> pieces, Action<int, int, int> work, Action<int> finish)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        (_phases, _pieces, _work, _finish, _next) = (phases, pieces, work, finish, (long)phases << Bits);
        _others = [.. Enumerable.Range(1, size - 1).Select(member => new Thread(() => Serve(member)) { IsBackground = true, Name = $"crew {member}" })];
        foreach (var thread in _others) thread.Start();
    }

    /// <summary>Goes through all phases once; the caller works too, and returns when all is done.</summary>
    public void Go()
    {
        Volatile.Write(ref _next, ((_next >> (2 * Bits)) + 1) << (2 * Bits));
        if (_others.Length > 0)
            lock (_gate) Monitor.PulseAll(_gate);
        for (var spins = 0; !IsOver(Volatile.Read(ref _next)); spins++)
            if (Take(0)) spins = 0;
            else Pause(spins);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _ending = true;
            Monitor.PulseAll(_gate);
        }
        foreach (var thread in _others) thread.Join();
    }

    private void Serve(int member)
    {
        for (var idle = 0; !Volatile.Read(ref _ending); idle++)
        {
            if (Take(member)) idle = 0;
            else Pause(idle);
            if (idle < SpinsBeforeSleep) continue;
            lock (_gate)
                while (IsOver(_next) && !_ending) Monitor.Wait(_gate);
            idle = 0;
        }
    }

    /// <summary>Does one piece of the phase that is open, if one is left.</summary>
    private bool Take(int member)
    {
        var next = Volatile.Read(ref _next);
        if (IsOver(next)) return false;
        var (phase, piece) = (Phase(next), (int)(next & Mask));
        var pieces = _pieces(phase);
        if (piece >= pieces || Interlocked.CompareExchange(ref _next, next + 1, next) != next) return false;
        try
        {
            _work(phase, piece, member);
            if (Interlocked.Increment(ref _done) < pieces) return true;
            _done = 0;
            _finish(phase);
        }
        catch (Exception e)
        {
            Environment.FailFast("A generating thread failed in the middle of a step; the others would wait for it for ever.", e);
        }
        Volatile.Write(ref _next, (next & ~(long)Mask) + (1L << Bits));
        return true;
    }

    private bool IsOver(long next) => Phase(next) >= _phases;

    private static int Phase(long next) => (int)(next >> Bits) & Mask;

    private static void Pause(int spins)
    {
        if (spins < SpinsBeforeYield) Thread.SpinWait(2);
        else Thread.Yield();
    }
}
