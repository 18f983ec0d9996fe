using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Conversations;

namespace Moss.Trainer.AgentRuns;

/// <summary>A question and the reply to it, stored.</summary>
internal sealed record Exchange(Guid Conversation, Guid Reply, string Text, ReplyFacts Facts);

/// <summary>A person's live exchange with MOSS from a command line: what is said is stored, and what is seen of a reply is kept.</summary>
internal sealed class Talk(MossDbContext db, MossClient moss, Guid project, Guid person)
{
    /// <param name="conversation">Goes on after its newest message; a new one when null.</param>
    /// <param name="asking">Model and sampling; its messages are filled in here.</param>
    /// <param name="piece">Called with each piece as it arrives.</param>
    public async Task<Exchange> SayAsync(string text, Guid? conversation, Asking asking, Action<string> piece, CancellationToken cancellation)
    {
        MessageText.Checked(text);
        List<Message> before = [];
        if (conversation is { } known)
        {
            var newest = (await db.TreeAsync(known, cancellation)).LastOrDefault(m => m.CorrectsId is null)
                ?? throw new MossInputException($"There is no conversation {known}, or nothing was said in it.");
            before = await db.PathAsync(newest.Id, cancellation);
        }
        var id = conversation ?? (await db.StartConversationAsync(
            Guid.CreateVersion7(), project, ConversationOrigin.Human, text, null, person, null, null, cancellation)).Id;
        var question = await db.SayAsync(Guid.CreateVersion7(), id, before.LastOrDefault()?.Id, text, person, cancellation);

        IReadOnlyList<Said> messages = [.. before.Append(question).Select(m => new Said(m.Role switch { Role.System => "system", Role.Moss => "assistant", _ => "user" }, m.Text))];
        var (reply, seen) = (new StringBuilder(), (ReplyFacts?)null);
        try
        {
            await foreach (var (part, facts) in moss.StreamAsync(asking with { Messages = messages }, cancellation))
            {
                reply.Append(part);
                piece(part);
                seen ??= facts;
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException and not AskingException)
        {
            throw new MossInputException($"The model server cannot be reached ({e.Message}). Start it with `./moss up` or `./moss serve`. Your message is stored in conversation {id}.", e);
        }
        if (seen is null) throw new MossInputException($"The reply broke off. Your message is stored in conversation {id}.");
        return new Exchange(id, await StoreAsync(id, question.Id, reply.ToString(), asking, seen, cancellation), reply.ToString(), seen);
    }

    private async Task<Guid> StoreAsync(Guid conversation, Guid question, string text, Asking asking, ReplyFacts f, CancellationToken cancellation)
    {
        var reply = Guid.CreateVersion7();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        await db.BeginReplyAsync(reply, conversation, question, "", new Generation
        {
            MessageId = reply, CheckpointId = f.CheckpointId, Seed = f.Seed, Sampling = JsonSerializer.Serialize(asking with { Messages = [] }, MossClient.Json),
        }, cancellation);
        await db.EndReplyAsync(reply, text, MessageState.Complete, new ReplyOutcome(
            f.StopReason, f.TemplateSha256, f.Seed, f.PromptTokens, f.CompletionTokens, f.FirstTokenMs, f.TotalMs, f.SumLogProb), cancellation);
        await transaction.CommitAsync(cancellation);
        return reply;
    }
}
