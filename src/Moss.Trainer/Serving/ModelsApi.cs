namespace Moss.Trainer.Serving;

/// <summary>GET /v1/models: the names that may be asked for now, deployment names first, then the checkpoints in memory.</summary>
internal static class ModelsApi
{
    private sealed record ModelRow(string Id, string Object, long Created, string OwnedBy, string Checkpoint, Guid CheckpointId, string ManifestSha256);

    public static void MapModels(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/models", (Roster roster) => Results.Json(new { Object = "list", Data = Rows(roster) }, ReplyJson.Options));
        routes.MapGet("/v1/models/{**model}", (string model, Roster roster) => Results.Json(
            Rows(roster).FirstOrDefault(r => r.Id == model) ?? throw new ApiRefusal(404, $"There is no model '{model}' here.", "model", "model_not_found"),
            ReplyJson.Options));
    }

    private static List<ModelRow> Rows(Roster roster) =>
    [
        .. roster.Posts.Select(p => Row(p.Name, p.Checkpoint, p.Since)),
        .. roster.InMemory.Select(c => Row(c.Name, c, c.LoadedAt)),
    ];

    private static ModelRow Row(string id, ServedCheckpoint checkpoint, DateTimeOffset created) =>
        new(id, "model", created.ToUnixTimeSeconds(), "moss", checkpoint.Name, checkpoint.Id, checkpoint.ManifestSha256);
}
