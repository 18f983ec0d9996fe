using Moss.Annotate.Features.Shared;
using MudBlazor.Services;

namespace Moss.Annotate.Hosting;

internal static class Pages
{
    // One hub message holds a whole 64 KB text, as JSON with escapes.
    private const int MaxHubMessageBytes = 512 * 1024;

    public static IServiceCollection AddPages(this IServiceCollection services)
    {
        services.AddLocalization();
        services.AddMudServices();
        services.AddScoped<DatabaseLine>();
        services.AddRazorComponents().AddInteractiveServerComponents(circuit =>
        {
            // A closed laptop keeps its page for two minutes; after that it reloads from the database, with its drafts.
            circuit.DisconnectedCircuitRetentionPeriod = TimeSpan.FromMinutes(2);
            circuit.DisconnectedCircuitMaxRetained = 50;
        }).AddHubOptions(hub => hub.MaximumReceiveMessageSize = MaxHubMessageBytes);
        return services;
    }

    public static void MapPages(this WebApplication app)
    {
        app.MapStaticAssets().AllowAnonymous();
        app.MapGet("/", () => Results.LocalRedirect("/conversations")).AllowAnonymous();
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode(
            live => live.ContentSecurityFrameAncestorsPolicy = null); // SafeHeaders says it, more strictly
    }
}
