using Microsoft.EntityFrameworkCore;

namespace Moss.Data.Conversations;

/// <summary>A line of the list of conversations.</summary>
public sealed record ConversationRow(
    Guid Id, string Title, string? Language, ConversationOrigin Origin, string? CreatedBy, DateTimeOffset CreatedAt, int Messages, int Judgements);

public static class ConversationQueries
{
    /// <summary>All messages of a conversation with how they came about, oldest first; siblings are alternatives.</summary>
    public static Task<List<Message>> TreeAsync(this MossDbContext db, Guid conversationId, CancellationToken cancellation) =>
        db.Messages.AsNoTracking().Include(m => m.Generation).Where(m => m.ConversationId == conversationId)
            .OrderBy(m => m.CreatedAt).ThenBy(m => m.Id).ToListAsync(cancellation);

    /// <summary>The messages from the root to this one. Empty when there is no such message.</summary>
    public static async Task<List<Message>> PathAsync(this MossDbContext db, Guid messageId, CancellationToken cancellation)
    {
        var path = await db.Messages.FromSql($"""
            SELECT * FROM messages WHERE id IN (
                WITH RECURSIVE up AS (
                    SELECT id, parent_id FROM messages WHERE id = {messageId}
                    UNION ALL SELECT m.id, m.parent_id FROM up JOIN messages m ON m.id = up.parent_id)
                SELECT id FROM up)
            """).AsNoTracking().Include(m => m.Generation).ToDictionaryAsync(m => m.Id, cancellation);
        var ordered = new List<Message>(path.Count);
        for (Guid? at = messageId; at is { } id && path.TryGetValue(id, out var message); at = message.ParentId) ordered.Add(message);
        ordered.Reverse();
        return ordered;
    }

    /// <summary>Conversations of a project, newest first; the search looks in titles and texts.</summary>
    public static Task<List<ConversationRow>> ConversationsAsync(
        this MossDbContext db, Guid projectId, string? search, ConversationOrigin? origin, int skip, int take, CancellationToken cancellation)
    {
        var found = db.Conversations.AsNoTracking().Where(c => c.ProjectId == projectId);
        if (origin is { } only) found = found.Where(c => c.Origin == only);
        if (!string.IsNullOrWhiteSpace(search))
        {
            var pattern = $"%{search.Trim().Replace("\0", "").Replace(@"\", @"\\").Replace("%", @"\%").Replace("_", @"\_")}%";
            found = found.Where(c => EF.Functions.ILike(c.Title, pattern, @"\") || c.Messages.Any(m => EF.Functions.ILike(m.Text, pattern, @"\")));
        }
        return found.OrderByDescending(c => c.CreatedAt).ThenByDescending(c => c.Id).Skip(skip).Take(take)
            .Select(c => new ConversationRow(c.Id, c.Title, c.Language, c.Origin,
                db.Annotators.Where(a => a.Id == c.CreatedBy).Select(a => a.DisplayName).FirstOrDefault(), c.CreatedAt, c.Messages.Count,
                c.Messages.SelectMany(m => db.Judgements.Where(j => j.MessageId == m.Id)).Count()))
            .ToListAsync(cancellation);
    }
}
