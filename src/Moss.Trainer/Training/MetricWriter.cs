using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Training;

namespace Moss.Trainer.Training;

/// <summary>Stores the numbers of each step while the next ones are computed; waits out a short loss of the database.</summary>
internal sealed class MetricWriter : IDisposable
{
    private readonly Channel<(int Step, int Total, Dictionary<string, double> Numbers)> _queue =
        Channel.CreateUnbounded<(int, int, Dictionary<string, double>)>(new() { SingleReader = true });

    private readonly CancellationTokenSource _refused = new();

    public MetricWriter(IDbContextFactory<MossDbContext> factory, Guid run, int attempt, TimeSpan patience) =>
        Written = WriteAsync(factory, run, attempt, patience);

    /// <summary>Canceled when nothing more can be stored: another worker has the run, or the database stays away.</summary>
    public CancellationToken Refused => _refused.Token;

    /// <summary>Ends when everything is stored: true, or false when another worker has the run.</summary>
    public Task<bool> Written { get; }

    public void Add(int step, int total, Dictionary<string, double> numbers) => _queue.Writer.TryWrite((step, total, numbers));

    public void Dispose() => _refused.Dispose();

    public void Complete() => _queue.Writer.TryComplete();

    private async Task<bool> WriteAsync(IDbContextFactory<MossDbContext> factory, Guid run, int attempt, TimeSpan patience)
    {
        try
        {
            await foreach (var (step, total, numbers) in _queue.Reader.ReadAllAsync())
            {
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
}
