using Moss.Data.Deployments;

namespace Moss.Trainer.Serving;

/// <summary>/healthz: the process lives. /readyz: it has a checkpoint to answer with, or says why not.</summary>
internal static class HealthApi
{
    /// <summary>The status of /readyz when waiting will not help; "loading" passes by itself, "empty" with the first deployment.</summary>
    public const string Refused = "not_ready";

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz", (ReplyLoop loop) => Results.Json(new { Status = "ok", loop.InProgress, loop.Waiting }, ReplyJson.Options));
        routes.MapGet("/readyz", (Roster roster) => roster.Posts is [_, ..] posts
            ? Results.Json(new
            {
                Status = "ready",
                Checkpoint = (posts.FirstOrDefault(p => p.Name == Deployment.Champion) ?? posts[0]).Checkpoint.Name,
                roster.Error,
            }, ReplyJson.Options)
            : Results.Json(new
            {
                Status = roster.Error is not null ? Refused : roster.Coming is not null ? "loading" : "empty",
                Reason = roster.WhyNotReady,
            }, ReplyJson.Options, statusCode: 503));
    }
}
