using Hangfire;
using Moss.Data.Training;
using Moss.Trainer.Local;

namespace Moss.Trainer.Dispatch;

/// <summary>Hears of new questions and dispatches at once; when the connection is lost, the look every two seconds has to do.</summary>
internal sealed class PlanNews(string connectionString, IRecurringJobManager jobs, WorkSettings settings) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using var news = new RowNews(connectionString, PlanRequests.AskedChannel);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await news.ListenAsync(stoppingToken);
                if (await news.WaitAsync(settings.Heartbeat, stoppingToken)) jobs.Trigger(WorkHost.DispatchJobId);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception) // the database is away
            {
                await Task.Delay(settings.Heartbeat, stoppingToken);
            }
        }
    }
}
