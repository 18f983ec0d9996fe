using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Moss.Data;

public static class MossData
{
    public const string MigrationsAssembly = "Moss.Migrations";

    /// <summary>Registers the context factory on this connection string. It retries nothing: see <see cref="Db.RetryAsync"/> for work that must outlast a short loss.</summary>
    public static IServiceCollection AddMossData(this IServiceCollection services, string connectionString) =>
        services.AddDbContextFactory<MossDbContext>(options => options.UseMoss(connectionString));

    public static DbContextOptionsBuilder UseMoss(this DbContextOptionsBuilder options, string connectionString) =>
        options.UseNpgsql(connectionString, npgsql => npgsql.MigrationsAssembly(MigrationsAssembly)).UseSnakeCaseNamingConvention();

    /// <summary>A context of its own, for command lines and tests.</summary>
    public static MossDbContext Open(string connectionString) =>
        new((DbContextOptions<MossDbContext>)new DbContextOptionsBuilder<MossDbContext>().UseMoss(connectionString).Options);
}
