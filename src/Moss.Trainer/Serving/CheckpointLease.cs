namespace Moss.Trainer.Serving;

/// <summary>The right to generate with one checkpoint: while a lease is held, its weights stay in memory.</summary>
internal sealed class CheckpointLease(ServedCheckpoint checkpoint, Action giveBack) : IDisposable
{
    private Action? _giveBack = giveBack;

    public ServedCheckpoint Checkpoint => checkpoint;

    public void Dispose() => Interlocked.Exchange(ref _giveBack, null)?.Invoke();
}
