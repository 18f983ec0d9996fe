using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Annotators;
using Moss.Data.Conversations;
using Moss.Data.Judgements;
using Moss.Data.Lineage;

namespace Moss.Annotate.Features.Conversations.Talking;

/// <summary>All that a conversation's page shows: its messages, what was judged about them, by whom, and what that taught.</summary>
public sealed record OpenConversation(
    Conversation Conversation, List<Message> Messages, ILookup<Guid, Judgement> Judgements,
    IReadOnlyDictionary<Guid, Annotator> People, IReadOnlyDictionary<Guid, string> Checkpoints, ILookup<Guid, string> Taught)
{
    /// <summary>Who this message's words are from, if a person, agent or import is known.</summary>
    public Annotator? Author(Message message) => message.AuthorId is { } id ? People.GetValueOrDefault(id) : null;
}

internal static class OpenConversationQuery
{
    private const int MostTaughtShown = 20; // judgements of one conversation whose checkpoints are looked up

    /// <summary>Null when there is no such conversation.</summary>
    public static async Task<OpenConversation?> OpenAsync(this MossDbContext db, Guid id, CancellationToken cancellation)
    {
        if (await db.Conversations.AsNoTracking().SingleOrDefaultAsync(c => c.Id == id, cancellation) is not { } conversation) return null;
        var messages = await db.TreeAsync(id, cancellation);
        var judgements = await db.JudgementsAsync([.. messages.Where(m => m.Role == Role.Moss).Select(m => m.Id)], cancellation);

        Guid[] people = [.. messages.Select(m => m.AuthorId).Concat(judgements.Select(j => (Guid?)j.AnnotatorId)).OfType<Guid>().Distinct()];
        Guid[] checkpoints = [.. messages.Select(m => m.Generation?.CheckpointId).OfType<Guid>().Distinct()];
        var taught = new List<(Guid Judgement, string Checkpoint)>();
        foreach (var judgement in judgements.OfType<Correction>().Take(MostTaughtShown))
        {
            foreach (var checkpoint in await db.TaughtAsync(judgement.Id, cancellation)) taught.Add((judgement.CorrectionMessageId, checkpoint.Name));
        }
        return new OpenConversation(conversation, messages, judgements.ToLookup(j => j.MessageId),
            await db.Annotators.AsNoTracking().Where(a => people.Contains(a.Id)).ToDictionaryAsync(a => a.Id, cancellation),
            await db.Checkpoints.AsNoTracking().Where(c => checkpoints.Contains(c.Id)).ToDictionaryAsync(c => c.Id, c => c.Name, cancellation),
            taught.ToLookup(t => t.Judgement, t => t.Checkpoint));
    }
}
