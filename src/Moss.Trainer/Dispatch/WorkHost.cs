using Hangfire;
using Hangfire.PostgreSql;
using Microsoft.Extensions.Options;
using Moss.Data;
using Moss.Trainer.AgentRuns;
using Moss.Trainer.Local;
using Moss.Trainer.Training;
using Moss.Trainer.Training.Planning;

namespace Moss.Trainer.Dispatch;

/// <summary>The worker: two Hangfire servers on PostgreSQL and a health endpoint.</summary>
internal static class WorkHost
{
    private const string Schema = "hangfire";
    private const int DispatchWorkers = 2, LightWorkers = 2;

    /// <summary>The recurring job that looks for rows.</summary>
    public const string DispatchJobId = "dispatch";

    public static WebApplication Build(string connectionString, Installation installation)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.UseUrls(installation.Work.GetLeftPart(UriPartial.Authority));
        builder.Logging.AddFilter("Hangfire", LogLevel.Warning).AddFilter("Microsoft", LogLevel.Warning);
        var services = builder.Services;
        services.AddOptions<WorkSettings>()
            .BindConfiguration(WorkSettings.Section, binder => binder.ErrorOnUnknownConfiguration = true)
            .ValidateDataAnnotations()
            .ValidateOnStart();
        var settings = builder.Configuration.GetSection(WorkSettings.Section).Get<WorkSettings>() ?? new WorkSettings();

        services.AddMossData(connectionString);
        services.AddSingleton(installation).AddSingleton(TimeProvider.System);
        services.AddSingleton<Schedules>().AddTransient<DispatchJob>().AddTransient<TrainingJob>().AddTransient<AgentRunJob>().AddTransient<PlanJob>();
        services.AddHostedService(provider => new PlanNews(connectionString, provider.GetRequiredService<IRecurringJobManager>(), settings));
        services.AddHttpClient<MossClient>(client => MossClient.Address(client, installation.Serve, Timeout.InfiniteTimeSpan));

        services.AddHangfire(hangfire => hangfire
            .UseSimpleAssemblyNameTypeSerializer()
            .UseRecommendedSerializerSettings()
            .UsePostgreSqlStorage(
                postgres => postgres.UseNpgsqlConnection(connectionString),
                new PostgreSqlStorageOptions
                {
                    SchemaName = Schema,
                    QueuePollInterval = settings.Poll,
                    InvisibilityTimeout = TimeSpan.FromSeconds(settings.InvisibilitySeconds),
                    DistributedLockTimeout = settings.Lease, // a killed holder leaves its lock; by default nothing is dispatched for ten minutes
                    UseSlidingInvisibilityTimeout = true, // without it a job longer than the timeout is started again while it runs
                }));
        AddServer("dispatch", DispatchWorkers, Queues.Dispatch);
        AddServer("light", LightWorkers, Queues.Light);
        AddServer("gpu", 1, Queues.Gpu);

        var app = builder.Build();
        app.MapGet("/healthz", () => Results.Json(new { status = "ok" }));
        return app;

        void AddServer(string name, int workers, params string[] queues) => services.AddHangfireServer(server =>
        {
            server.ServerName = $"{Environment.MachineName}:{Environment.ProcessId}:{name}";
            (server.WorkerCount, server.Queues) = (workers, queues);
            server.SchedulePollingInterval = settings.Poll;
            server.CancellationCheckInterval = settings.Poll;
            server.ShutdownTimeout = TrainingJob.ShutdownGrace;
        });
    }

    /// <summary>Runs until the process is told to stop.</summary>
    public static async Task RunAsync(WebApplication app, CancellationToken cancellation)
    {
        var settings = app.Services.GetRequiredService<IOptions<WorkSettings>>().Value;
        app.Services.GetRequiredService<IRecurringJobManager>().AddOrUpdate<DispatchJob>(
            DispatchJobId, Queues.Dispatch, job => job.RunAsync(CancellationToken.None), settings.DispatchCron);
        await app.StartAsync(cancellation);
        await app.WaitForShutdownAsync(cancellation);
    }
}
