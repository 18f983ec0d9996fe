namespace Moss.Annotate.Hosting;

/// <summary>What the portal must know from its environment.</summary>
public sealed record PortalSettings(string Database, Uri ServeUrl, string? SetupToken, string? ServeKey = null)
{
    public const string DefaultPortalUrl = "http://localhost:5080";
    public const string DefaultServeUrl = "http://127.0.0.1:5081";
}

internal static class PortalSettingsReading
{
    /// <summary>Reads MOSS_DB, MOSS_SERVE_URL, MOSS_SERVE_KEY, MOSS_SETUP_TOKEN and makes the portal listen on MOSS_PORTAL_URL.</summary>
    public static PortalSettings ReadPortalSettings(this WebApplicationBuilder builder)
    {
        var configuration = builder.Configuration;
        builder.WebHost.UseStaticWebAssets(); // also when started from the build output outside Development
        if (configuration["MOSS_PORTAL_URL"] is { Length: > 0 } url) builder.WebHost.UseUrls(url);
        else if (configuration["urls"] is null) builder.WebHost.UseUrls(PortalSettings.DefaultPortalUrl);

        var settings = new PortalSettings(
            configuration["MOSS_DB"] is { Length: > 0 } database
                ? database
                : throw new InvalidOperationException(
                    "MOSS_DB is not set: the portal needs the connection string of its PostgreSQL database. " +
                    "`./moss up` sets it; to start the portal alone, export MOSS_DB='Host=…;Username=…;Password=…;Database=…'."),
            ReadUrl(configuration, "MOSS_SERVE_URL", PortalSettings.DefaultServeUrl),
            configuration["MOSS_SETUP_TOKEN"] is { Length: > 0 } token ? token : null,
            configuration["MOSS_SERVE_KEY"] is { Length: > 0 } key ? key : null);
        builder.Services.AddSingleton(settings);
        return settings;
    }

    private static Uri ReadUrl(ConfigurationManager configuration, string name, string fallback)
    {
        var text = configuration[name] is { Length: > 0 } given ? given : fallback;
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && (url.Scheme is "http" or "https")
            ? url
            : throw new InvalidOperationException($"{name} is '{text}', which is not an http address such as {fallback}.");
    }
}
