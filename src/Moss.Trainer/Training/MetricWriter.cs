using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Training;

namespace Moss.Trainer.Training;

/// <summary>Stores the numbers of each step while the next ones are computed; waits out a short loss of the database.</summary>
internal sealed class MetricWriter : IDisposable
{
    private readonly Channel<Entry> _queue = Channel.CreateUnbounded<Entry>(new() { SingleReader = true });

    private readonly CancellationTokenSource _refused = new();

    public MetricWriter(IDbContextFactory<MossDbContext> factory, Guid run, int attempt, TimeSpan patience) =>
        Written = WriteAsync(factory, run, attempt, patience);

    /// <summary>Canceled when nothing more can be stored: another worker has the run, or the database stays away.</summary>
    public CancellationToken Refused => _refused.Token;

    /// <summary>Ends when everything is stored: true, or false when another worker has the run.</summary>
    public Task<bool> Written { get; }

    public void Add(int step, int total, Dictionary<string, double> numbers) => _queue.Writer.TryWrite(new(step, total, numbers, null));

    /// <summary>Waits until all that was added is stored. False when it cannot be.</summary>
    public bool Flush()
    {
        var stored = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _queue.Writer.TryWrite(new(0, 0, [], stored));
        return Task.WhenAny(stored.Task, Written).GetAwaiter().GetResult() == stored.Task;
    }

    public void Dispose() => _refused.Dispose();

    public void Complete() => _queue.Writer.TryComplete();

    private async Task<bool> WriteAsync(IDbContextFactory<MossDbContext> factory, Guid run, int attempt, TimeSpan patience)
    {
        try
        {
            await foreach (var (step, total, numbers, stored) in _queue.Reader.ReadAllAsync())
            {
                if (stored is not null)
                {
                    stored.SetResult();
                    continue;
                }
                if (await factory.RetryAsync(
                    (db, token) => db.RecordStepAsync(run, attempt, step, total, numbers, token), patience, CancellationToken.None)) continue;
                await _refused.CancelAsync();
                return false;
            }
            return true;
        }
        catch
        {
            await _refused.CancelAsync();
            throw;
        }
    }

    /// <summary>A step's numbers; or, with Stored set, a place in the queue that someone waits for.</summary>
    private sealed record Entry(int Step, int Total, Dictionary<string, double> Numbers, TaskCompletionSource? Stored);
}
