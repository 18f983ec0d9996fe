using Moss.Data.Deployments;
using Moss.Model;
using Moss.Model.Text;
using Moss.Trainer.Deployments;
using Moss.Trainer.Serving.Admission;

namespace Moss.Trainer.Serving;

/// <summary>From a checked request to replies in the making: is there a place, which checkpoint answers, how much of the conversation fits.</summary>
internal sealed class ReplyStart(Roster roster, CheckpointsByName byName, ReplyLoop loop, Admissions admissions, TimeProvider clock)
{
    /// <summary>Of a context's tokens, this share is kept free for the reply, or less when a shorter reply is asked for.</summary>
    private const int ReplyShare = 4;

    /// <param name="caller">Whose limits count.</param>
    /// <param name="clientGone">Gives the replies up.</param>
    public async Task<ReplyGroup> BeginAsync(ReplyRequest request, string caller, long receivedAt, CancellationToken clientGone)
    {
        loop.RefuseIfBusy(); // before any work is done for it
        var lease = await LeaseAsync(request.Model, clientGone);
        try
        {
            var (prompts, droppedTurns) = Prompts(request, lease.Checkpoint);
            var ticket = admissions.Admit(caller, prompts.Count, prompts.Sum(p => (long)p.Tokens.Length + p.Sampling.MaxNewTokens));
            var group = new ReplyGroup(request, lease, prompts, ticket, droppedTurns, receivedAt, clock, clientGone);
            try
            {
                loop.Begin(group.Replies);
                return group;
            }
            catch
            {
                ticket.Undo();
                foreach (var reply in group.Replies) reply.Dispose();
                group.Dispose();
                throw;
            }
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>The right to use what this name stands for.</summary>
    /// <exception cref="ApiRefusal">404 or 503: nothing does.</exception>
    public async Task<CheckpointLease> LeaseAsync(string model, CancellationToken cancellation) =>
        roster.Lease(model) ?? await byName.LeaseAsync(model, cancellation) ?? throw NotServed(model);

    private static (List<ReplyPrompt> Prompts, int DroppedTurns) Prompts(ReplyRequest request, ServedCheckpoint checkpoint)
    {
        var (context, tokenizer) = (checkpoint.Loaded.Config.ContextLength, checkpoint.Loaded.Tokenizer);
        if (request.Sampling.LogitBias.Keys.FirstOrDefault(id => id >= tokenizer.Size, -1) is >= 0 and var strange) throw ApiRefusal.Invalid("logit_bias",
            $"'logit_bias' names the token {strange:N0}, but '{checkpoint.Name}' knows the tokens 0 to {tokenizer.Size - 1:N0}.");
        var (all, dropped) = (new List<int[]>(), 0);
        if (request.Messages is { } said && checkpoint.Loaded.Asked(said) is var turns)
        {
            var fitted = Fit(checkpoint.Loaded.ChatTemplate, turns, context - Math.Min(request.Sampling.MaxNewTokens, Math.Max(1, context / ReplyShare)));
            all.Add(checkpoint.Loaded.ChatTemplate.Render(fitted.Turns, generationPrompt: true).Tokens);
            dropped = fitted.DroppedTurns;
        }
        else
        {
            all.AddRange(request.Prompts.Select((prompt, i) => Tokens(prompt, i, tokenizer, context)));
        }
        return ([.. all.SelectMany(prompt => Enumerable.Range(0, request.Choices).Select(choice => new ReplyPrompt(prompt, request.Sampling with
        {
            MaxNewTokens = Math.Min(request.Sampling.MaxNewTokens, context - prompt.Length),
            Seed = unchecked(request.Sampling.Seed + choice),
        })))], dropped);
    }

    private static int[] Tokens(TextPrompt prompt, int index, Tokenizer tokenizer, int context)
    {
        var ids = prompt.Ids ?? tokenizer.Encode(prompt.Text!); // control tokens in a text stay text; whoever means them sends their ids
        if (ids.FirstOrDefault(id => id >= tokenizer.Size, -1) is >= 0 and var strange) throw ApiRefusal.Invalid("prompt",
            $"'prompt' {index} has the token {strange:N0}, but the model knows the tokens 0 to {tokenizer.Size - 1:N0}.");
        return ids.Length < context ? ids : throw new ApiRefusal(400,
            $"'prompt' {index} has {ids.Length:N0} tokens, but with room for a reply at most {context - 1:N0} fit. Shorten it.", "prompt", "context_length_exceeded");
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
