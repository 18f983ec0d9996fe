using Microsoft.EntityFrameworkCore;
using Moss.Annotate.Account;
using Moss.Data;

namespace Moss.Annotate.Hosting;

internal static class Health
{
    /// <summary>GET /healthz: 200 {"status":"ok","administrator":bool}, or 503 with a sentence when the database does not answer.</summary>
    public static void MapHealth(this WebApplication app) =>
        app.MapGet("/healthz", async (IDbContextFactory<MossDbContext> factory, CancellationToken cancellation) =>
        {
            try
            {
                await using var db = await factory.CreateDbContextAsync(cancellation);
                return Results.Ok(new { status = "ok", administrator = await db.HasAdministratorAsync(cancellation) });
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                return Results.Json(
                    new { status = "unavailable", error = $"The portal cannot use its database (MOSS_DB): {e.GetBaseException().Message}" },
                    statusCode: StatusCodes.Status503ServiceUnavailable);
            }
        }).AllowAnonymous().DisableAntiforgery();
}
