using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Training;

namespace Moss.Trainer.Training;

/// <summary>Stores the numbers of each step while the next ones are computed; waits out a short loss of the database.</summary>
/// <remarks>
/// A saved state may be ahead of the database, and the next attempt goes on from that state. So the numbers are in a file beside it, too,
/// and what the database did not get before a crash is sent again.
/// </remarks>
internal sealed class MetricWriter : IDisposable
{
    private readonly Channel<StepNumbers> _queue = Channel.CreateUnbounded<StepNumbers>(new() { SingleReader = true });
    private readonly CancellationTokenSource _refused = new();
    private readonly List<StepNumbers> _earlier;
    private readonly FileStream _file;

    public MetricWriter(IDbContextFactory<MossDbContext> factory, Guid run, int attempt, TimeSpan patience, string file)
    {
        _earlier = [.. (File.Exists(file) ? File.ReadLines(file) : []).Select(StepNumbers.Parse).OfType<StepNumbers>()];
        _file = new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.Read);
        Written = WriteAsync(factory, run, attempt, patience);
    }

    /// <summary>Canceled when nothing more can be stored: another worker has the run, or the database stays away.</summary>
    public CancellationToken Refused => _refused.Token;

    /// <summary>Ends when everything is stored: true, or false when another worker has the run.</summary>
    public Task<bool> Written { get; }

    public void Add(int step, int total, Dictionary<string, double> numbers)
    {
        var added = new StepNumbers(step, total, numbers);
        _file.Write(Encoding.UTF8.GetBytes($"\n{added}")); // the line before may have been cut short
        _file.Flush();
        _queue.Writer.TryWrite(added);
    }

    /// <summary>Puts what was added on the disk: before the state that it belongs to.</summary>
    public void Keep() => _file.Flush(flushToDisk: true);

    /// <summary>Sends again what earlier attempts computed, from the last step that the database has to the one that training goes on from.</summary>
    public void SendAgain(int stored, int resumed)
    {
        foreach (var numbers in _earlier.Where(n => n.Step >= stored && n.Step <= resumed).OrderBy(n => n.Step)) _queue.Writer.TryWrite(numbers);
    }

    public void Dispose()
    {
        _file.Dispose();
        _refused.Dispose();
    }

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

/// <summary>The numbers of a step, as a line of the run's file.</summary>
internal sealed record StepNumbers(int Step, int Total, Dictionary<string, double> Numbers)
{
    private static readonly JsonSerializerOptions Options = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>Null when a crash cut the line short.</summary>
    public static StepNumbers? Parse(string line)
    {
        try
        {
            return line.Length == 0 ? null : JsonSerializer.Deserialize<StepNumbers>(line, Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public override string ToString() => JsonSerializer.Serialize(this, Options);
}
