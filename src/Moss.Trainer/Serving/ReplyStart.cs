using Moss.Data.Deployments;
using Moss.Model.Text;
using Moss.Trainer.Deployments;

namespace Moss.Trainer.Serving;

/// <summary>From a checked request to a reply in the making: which checkpoint answers, how much of the conversation fits, is there a place.</summary>
internal sealed class ReplyStart(Roster roster, CheckpointsByName byName, ReplyLoop loop, TimeProvider clock)
{
    /// <summary>Of a context's tokens, this share is kept free for the reply, or less when a shorter reply is asked for.</summary>
    private const int ReplyShare = 4;

    public async Task<(Reply Reply, int DroppedTurns)> BeginAsync(ChatRequest request, long receivedAt, CancellationToken abandoned)
    {
        var lease = roster.Lease(request.Model) ?? await byName.LeaseAsync(request.Model, abandoned) ?? throw NotServed(request.Model);
        try
        {
            var (context, asked) = (lease.Checkpoint.Loaded.Config.ContextLength, request.Sampling.MaxNewTokens);
            var fitted = Fit(lease.Checkpoint.Loaded.ChatTemplate, lease.Checkpoint.Loaded.Asked(request.Messages), context - Math.Min(asked, Math.Max(1, context / ReplyShare)));
            var prompt = lease.Checkpoint.Loaded.ChatTemplate.Render(fitted.Turns, generationPrompt: true).Tokens;
            var sampling = request.Sampling with { MaxNewTokens = Math.Min(asked, context - prompt.Length) };
            var reply = new Reply(lease, prompt, sampling, receivedAt, clock, abandoned);
            if (!loop.TryBegin(reply)) throw new ApiRefusal(429,
                "Too many requests wait already. Ask again after the time in the Retry-After header.", code: "queue_full")
            { RetryAfterSeconds = loop.RetryAfterSeconds };
            return (reply, fitted.DroppedTurns);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    private static FittedChat Fit(ChatTemplate template, IReadOnlyList<ChatTurn> turns, int room)
    {
        try
        {
            return template.FitLatest(turns, room);
        }
        catch (ArgumentException e)
        {
            // .NET appends the name of the C# parameter, which means nothing to a caller.
            throw new ApiRefusal(400, e.Message.Split(" (Parameter", 2)[0], "messages", "context_length_exceeded");
        }
    }

    private ApiRefusal NotServed(string model)
    {
        if (model is Deployment.Champion or Deployment.Challenger && roster.Posts.Count == 0) return new(503,
            roster.WhyNotReady, code: "not_ready")
        { RetryAfterSeconds = 5 };
        var known = string.Join(", ", roster.Posts.Select(p => p.Name).Concat(roster.InMemory.Select(c => c.Name)).Select(n => $"'{n}'"));
        var shown = model.Length <= 80 ? model : model[..80] + "…";
        return new(404, $"There is no model '{shown}' here. Served at the moment: {known}.", "model", "model_not_found");
    }
}
