using Microsoft.Extensions.Options;
using Moss.Data;
using Moss.Data.Deployments;
using Moss.Trainer.Deployments;
using Moss.Trainer.Local;
using Moss.Trainer.Serving.Admission;
using Moss.Trainer.Serving.Metering;

namespace Moss.Trainer.Serving;

/// <summary>The model server, put together.</summary>
internal static class ServeApp
{
    private const int MostConnections = 1_000;

    /// <param name="url">Where to listen, and how others reach it.</param>
    /// <param name="connectionString">The database whose deployments are followed; it may be away, also at the start.</param>
    /// <param name="checkpoints">Folder of the checkpoint folders.</param>
    public static WebApplication Create(string url, string connectionString, string checkpoints, params string[] args)
    {
        var builder = WebApplication.CreateSlimBuilder(args);
        builder.WebHost.UseUrls(url).ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = RequestBody.MaxBytes;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(builder.Configuration.GetValue(
                $"{ServeOptions.Section}:{nameof(ServeOptions.RequestSeconds)}", new ServeOptions().RequestSeconds));
            kestrel.Limits.MaxConcurrentConnections = MostConnections;
        });
        AddLogs(builder);
        builder.Services.AddOptions<ServeOptions>()
            .BindConfiguration(ServeOptions.Section, binder => binder.ErrorOnUnknownConfiguration = true)
            .ValidateDataAnnotations().ValidateOnStart();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5)); // replies in progress may end

        builder.Services.AddMossData(connectionString);
        builder.Services.AddSingleton(TimeProvider.System).AddSingleton<Roster>();
        builder.Services.AddSingleton<ReplyLoop>().AddHostedService(services => services.GetRequiredService<ReplyLoop>());
        builder.Services.AddSingleton<ReplyStart>().AddSingleton<Admissions>().AddSingleton<ServeMeters>().AddSingleton<ApiKeys>();

        builder.Services.AddSingleton(new ServeAddress(url));
        builder.Services.AddSingleton(new RowNews(connectionString, DeploymentCommands.Channel)).AddSingleton<CheckpointsByName>();
        builder.Services.AddSingleton(services => new CheckpointStore(
            checkpoints, services.GetRequiredService<IOptions<ServeOptions>>().Value, services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILogger<CheckpointStore>>()));
        builder.Services.AddSingleton<ServerReport>().AddHostedService(services => services.GetRequiredService<ServerReport>());
        builder.Services.AddHostedService<DeploymentFollower>();

        var app = builder.Build();
        app.UseRequestCounts();
        app.UseApiErrors();
        app.UseApiKeys();
        app.MapReplies();
        app.MapTokenize();
        app.MapModels();
        app.MapHealth();
        app.MapMetrics();
        return app;
    }

    private static void AddLogs(WebApplicationBuilder builder)
    {
        builder.Logging.Configure(logs => logs.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId)
            .AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Microsoft.EntityFrameworkCore", LogLevel.Critical); // a database that is away is said once, by the follower
        if (builder.Configuration.GetValue<bool>($"{ServeOptions.Section}:{nameof(ServeOptions.JsonLogs)}"))
            builder.Logging.AddJsonConsole(console => console.IncludeScopes = true);
        else
            builder.Logging.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.TimestampFormat = "HH:mm:ss ";
            });
    }
}
