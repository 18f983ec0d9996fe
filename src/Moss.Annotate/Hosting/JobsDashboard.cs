using Hangfire;
using Hangfire.Dashboard;
using Hangfire.PostgreSql;
using Moss.Annotate.Account;
using Npgsql;

namespace Moss.Annotate.Hosting;

/// <summary>Hangfire's own pages at /hangfire, to look at only: acting on runs goes through the portal's pages.</summary>
internal static class JobsDashboard
{
    public const string Path = "/hangfire";

    public static IServiceCollection AddJobsDashboard(this IServiceCollection services, PortalSettings settings) =>
        services.AddHangfire(configuration => configuration.UsePostgreSqlStorage(
            storage => storage.UseNpgsqlConnection(settings.Database),
            new PostgreSqlStorageOptions { PrepareSchemaIfNecessary = false })); // `work` owns the schema; it may not exist yet

    /// <summary>Maps it for administrators. While `work` has not made its tables yet, a sentence says so.</summary>
    public static void MapJobsDashboard(this WebApplication app)
    {
        app.UseWhen(context => context.Request.Path.StartsWithSegments(Path), jobs => jobs.Use(SayWhatIsMissingAsync));
        app.MapHangfireDashboard(Path, new DashboardOptions
        {
            Authorization = [], // Hangfire's own filter knows only "local"; the policy below decides
            IsReadOnlyFunc = _ => true,
            DashboardTitle = "MOSS · jobs",
            DisplayStorageConnectionString = false,
            AppPath = "/",
        }).RequireAuthorization(Policies.Administrator);
    }

    private static async Task SayWhatIsMissingAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
        }
        catch (Exception e) when (!context.Response.HasStarted
            && e.GetBaseException() is PostgresException { SqlState: PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName })
        {
            context.Response.Clear();
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync("There are no jobs yet: their tables are made when ./moss work (a part of ./moss up) runs for the first time.\n");
        }
    }
}
