using Npgsql;

namespace Moss.Trainer.Local;

/// <summary>A connection that hears of new rows at once; when it is lost, looking every few seconds has to do.</summary>
internal sealed class RowNews(string connectionString, string channel) : IAsyncDisposable
{
    private NpgsqlConnection? _listening;

    /// <summary>Listens from now on. Call it before looking at the rows, so that nothing falls between.</summary>
    public async Task ListenAsync(CancellationToken cancellation)
    {
        if (_listening is not null) return;
        var own = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, KeepAlive = 30 };
        var connection = new NpgsqlConnection(own.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellation);
            await using var listen = new NpgsqlCommand($"LISTEN {channel}", connection);
            await listen.ExecuteNonQueryAsync(cancellation);
            _listening = connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Returns at the next notification, when the patience is over, or, after it, when the connection is lost.</summary>
    /// <returns>True when it was a notification.</returns>
    public async Task<bool> WaitAsync(TimeSpan patience, CancellationToken cancellation)
    {
        try
        {
            if (_listening is not null) return await _listening.WaitAsync(patience, cancellation);
            await Task.Delay(patience, cancellation);
        }
        catch (Exception) when (!cancellation.IsCancellationRequested) // however the connection was lost, the next look opens another
        {
            await DisposeAsync();
            await Task.Delay(patience, cancellation);
        }
        return false;
    }

    public async ValueTask DisposeAsync()
    {
        if (_listening is null) return;
        await _listening.DisposeAsync();
        _listening = null;
    }
}
