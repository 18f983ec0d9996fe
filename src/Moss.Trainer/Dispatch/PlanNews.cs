using Hangfire;
using Moss.Data.Training;
using Npgsql;

namespace Moss.Trainer.Dispatch;

/// <summary>Hears of new questions and dispatches at once; when the connection is lost, the look every two seconds has to do.</summary>
internal sealed class PlanNews(string connectionString, IRecurringJobManager jobs, WorkSettings settings) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var own = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, KeepAlive = 30 }.ConnectionString;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await using var connection = new NpgsqlConnection(own);
                await connection.OpenAsync(stoppingToken);
                await using (var listen = new NpgsqlCommand($"LISTEN {PlanRequests.AskedChannel}", connection)) await listen.ExecuteNonQueryAsync(stoppingToken);
                while (true)
                {
                    await connection.WaitAsync(stoppingToken);
                    jobs.Trigger(WorkHost.DispatchJobId);
                }
            }
            catch (Exception) when (!stoppingToken.IsCancellationRequested) // however it was lost
            {
                await Task.Delay(settings.Heartbeat, stoppingToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
