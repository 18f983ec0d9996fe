using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Training;
using Moss.Trainer.Training.Watching;

namespace Moss.Trainer.Training;

/// <summary>Stores the numbers of each step while the next ones are computed, and in TensorBoard's format too; waits out a short loss of the database.</summary>
internal sealed class MetricWriter : IDisposable
{
    private readonly Channel<Entry> _queue = Channel.CreateUnbounded<Entry>(new() { SingleReader = true });

    private readonly CancellationTokenSource _refused = new();
    private readonly string _events;

    /// <param name="events">Folder of the run's event files.</param>
    public MetricWriter(IDbContextFactory<MossDbContext> factory, Guid run, int attempt, TimeSpan patience, string events)
    {
        _events = events;
        Written = WriteAsync(factory, run, attempt, patience);
    }

    /// <summary>Canceled when nothing more can be stored: another worker has the run, or the database stays away.</summary>
    public CancellationToken Refused => _refused.Token;

    /// <summary>Ends when everything is stored: true, or false when another worker has the run.</summary>
    public Task<bool> Written { get; }

    public void Add(int step, int total, Dictionary<string, double> numbers) => _queue.Writer.TryWrite(new(step, total, numbers));

    /// <summary>Adds a sentence to what the run's row says.</summary>
    public void Say(string sentence) => _queue.Writer.TryWrite(new(0, 0, []) { Sentence = sentence });

    /// <summary>Waits until all that was added is stored. False when it cannot be.</summary>
    public bool Flush()
    {
        var stored = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _queue.Writer.TryWrite(new(0, 0, []) { Stored = stored });
        return Task.WhenAny(stored.Task, Written).GetAwaiter().GetResult() == stored.Task;
    }

    public void Dispose() => _refused.Dispose();

    public void Complete() => _queue.Writer.TryComplete();

    private async Task<bool> WriteAsync(IDbContextFactory<MossDbContext> factory, Guid run, int attempt, TimeSpan patience)
    {
        EventFile? file = null;
        var missing = false;
        try
        {
            await foreach (var entry in _queue.Reader.ReadAllAsync())
            {
                var (step, total, numbers) = entry;
                if (entry.Stored is { } stored)
                {
                    stored.SetResult();
                    continue;
                }
                if (entry.Sentence is { } sentence)
                {
                    await factory.RetryAsync((db, token) => db.AddNoteAsync(run, attempt, sentence, token), patience, CancellationToken.None);
                    continue;
                }
                if (await factory.RetryAsync(
                    (db, token) => db.RecordStepAsync(run, attempt, step, total, numbers, token), patience, CancellationToken.None))
                {
                    WriteEvent(step, numbers); // after the row: whoever lost the run adds nothing to the picture either
                    continue;
                }
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
        finally
        {
            file?.Dispose();
        }

        void WriteEvent(int step, Dictionary<string, double> numbers)
        {
            if (missing) return;
            try
            {
                (file ??= new EventFile(_events, step, TimeProvider.System)).Write(step, numbers);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                missing = true; // the rows have the numbers: a full disk is no reason to stop here
            }
        }
    }

    /// <summary>A step's numbers; or a sentence; or a place in the queue that someone waits for.</summary>
    private sealed record Entry(int Step, int Total, Dictionary<string, double> Numbers)
    {
        public string? Sentence { get; init; }
        public TaskCompletionSource? Stored { get; init; }
    }
}
