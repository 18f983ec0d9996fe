using Moss.Data.Deployments;
using Moss.Model.Text;

namespace Moss.Trainer.Serving;

/// <summary>POST /tokenize: the tokens of a text ("prompt") or of a conversation ("messages") as the model would read them.</summary>
internal static class TokenizeApi
{
    private sealed record Asked(string Model, string? Text, IReadOnlyList<ChatTurn>? Turns, bool GenerationPrompt);

    private sealed record Answer(string Model, int Count, int MaxModelLen, int[] Tokens);

    public static void MapTokenize(this IEndpointRouteBuilder routes) => routes.MapPost("/tokenize", async (HttpContext http, ReplyStart start) =>
    {
        var asked = await RequestBody.ReadAsync(http, Read);
        using var lease = await start.LeaseAsync(asked.Model, http.RequestAborted);
        var loaded = lease.Checkpoint.Loaded;
        var tokens = asked.Turns is { } turns ? loaded.ChatTemplate.Render(turns, asked.GenerationPrompt).Tokens : loaded.Tokenizer.Encode(asked.Text!);
        return Results.Json(new Answer(lease.Checkpoint.Name, tokens.Length, loaded.Config.ContextLength, tokens), ReplyJson.Options);
    });

    private static Asked Read(JsonFields fields)
    {
        var (text, messages) = (fields.String("prompt"), fields.Array("messages"));
        if ((text is null) == (messages is null)) throw ApiRefusal.Invalid("prompt", "Give either 'prompt', a text, or 'messages', a conversation.");
        var asked = new Asked(fields.String("model") ?? Deployment.Champion, text,
            messages is { } given ? ChatMessages.Read(given) : null, fields.Boolean("add_generation_prompt") ?? true);
        fields.RefuseTheRest();
        return asked;
    }
}
