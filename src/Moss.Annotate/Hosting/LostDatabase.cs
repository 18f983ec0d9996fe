using Moss.Data;

namespace Moss.Annotate.Hosting;

internal static class LostDatabase
{
    /// <summary>A page asked for while the database is away answers 503 with a sentence, and tries again by itself.</summary>
    public static void UseSentenceForLostDatabase(this WebApplication app) => app.Use(async (context, next) =>
    {
        try
        {
            await next(context);
        }
        catch (Exception e) when (!context.Response.HasStarted && Db.IsUnreachable(e))
        {
            app.Logger.LogWarning("The database did not answer {Path}: {Reason}", context.Request.Path, e.GetBaseException().Message);
            context.Response.Clear();
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.RetryAfter = "3";
            context.Response.Headers["Refresh"] = "3";
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync("The database is away. Nothing you sent is lost; this page tries again every 3 seconds.\n数据库暂时无法连接。已发送的内容不会丢失；本页每 3 秒自动重试。\n");
        }
    });
}
