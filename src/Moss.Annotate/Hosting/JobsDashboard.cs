using Hangfire;
using Hangfire.Dashboard;
using Hangfire.PostgreSql;
using Moss.Annotate.Account;

namespace Moss.Annotate.Hosting;

/// <summary>Hangfire's own pages at /hangfire, to look at only: acting on runs goes through the portal's pages.</summary>
internal static class JobsDashboard
{
    public const string Path = "/hangfire";

    public static IServiceCollection AddJobsDashboard(this IServiceCollection services, PortalSettings settings) =>
        services.AddHangfire(configuration => configuration.UsePostgreSqlStorage(
            storage => storage.UseNpgsqlConnection(settings.Database),
            new PostgreSqlStorageOptions { PrepareSchemaIfNecessary = false })); // `work` owns the schema; it may not exist yet

    public static void MapJobsDashboard(this WebApplication app)
    {
        app.MapHangfireDashboard(Path, new DashboardOptions
        {
            Authorization = [], // Hangfire's own filter knows only "local"; the policy below decides
            IsReadOnlyFunc = _ => true,
            DashboardTitle = "MOSS · jobs",
            DisplayStorageConnectionString = false,
            AppPath = "/",
        }).RequireAuthorization(Policies.Administrator);
    }
}
