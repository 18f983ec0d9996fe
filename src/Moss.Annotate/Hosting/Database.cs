using Microsoft.AspNetCore.DataProtection;
using Moss.Data;

namespace Moss.Annotate.Hosting;

internal static class Database
{
    /// <summary>The context factory, and the keys that protect cookies and forms: in the database, so that every portal shares them.</summary>
    public static IServiceCollection AddDatabase(this IServiceCollection services, PortalSettings settings)
    {
        services.AddMossData(settings.Database);
        services.AddSingleton(TimeProvider.System);
        services.AddDataProtection().SetApplicationName("Moss.Platform").PersistKeysToDbContext<MossDbContext>();
        return services;
    }
}
