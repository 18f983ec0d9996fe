namespace Moss.Trainer.Serving;

/// <summary>The right to generate with one checkpoint: while a lease is held, its weights stay in memory.</summary>
internal sealed class CheckpointLease(ServedCheckpoint checkpoint, Action giveBack) : IDisposable
{
    private Action? _giveBack = giveBack;

    public ServedCheckpoint Checkpoint => checkpoint;

    /// <summary>So many leases instead of this one, which is given back with the last of them.</summary>
    public IReadOnlyList<CheckpointLease> Split(int count)
    {
        var (left, all) = (count, Interlocked.Exchange(ref _giveBack, null));
        return [.. Enumerable.Range(0, count).Select(_ => new CheckpointLease(checkpoint, () =>
        {
            if (Interlocked.Decrement(ref left) == 0) all?.Invoke();
        }))];
    }

    public void Dispose() => Interlocked.Exchange(ref _giveBack, null)?.Invoke();
}
