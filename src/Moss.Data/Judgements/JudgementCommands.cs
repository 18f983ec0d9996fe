using Microsoft.EntityFrameworkCore;
using Moss.Data.Conversations;

namespace Moss.Data.Judgements;

public static class JudgementCommands
{
    /// <summary>Rates a reply from 1 to 5, once per client key; the annotator's earlier rating of this attribute is superseded.</summary>
    public static Task<Rating> RateAsync(
        this MossDbContext db, Guid messageId, Guid annotatorId, Guid clientKey, double score, string? comment, int? activeMs,
        CancellationToken cancellation, string attribute = Rating.Overall)
    {
        if (!(score is >= 1 and <= 5)) throw new MossInputException($"A rating is a number from 1 to 5, not {score}. Nothing was stored.");
        return db.JudgeAsync<Rating>(messageId, annotatorId, clientKey, comment, async (id, words) =>
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO judgements (id, kind, message_id, annotator_id, rubric_version, attribute, score, scale_min, scale_max,
                    comment, active_ms, client_key, supersedes_id, created_at)
                VALUES ({id}, 'Rating', {messageId}, {annotatorId}, 1, {attribute}, {score}, 1, 5, {words}, {activeMs}, {clientKey},
                    (SELECT j.id FROM judgements j WHERE j.message_id = {messageId} AND j.annotator_id = {annotatorId} AND j.kind = 'Rating'
                        AND j.attribute = {attribute} AND NOT EXISTS (SELECT FROM judgements s WHERE s.supersedes_id = j.id)),
                    clock_timestamp())
                """, cancellation), cancellation);
    }

    /// <summary>Says what a reply should have been: adds the text as a sibling of the reply, with the judgement, once per client key.</summary>
    public static Task<Correction> CorrectAsync(
        this MossDbContext db, Guid messageId, Guid annotatorId, Guid clientKey, string text, string? category, string? comment,
        int? activeMs, CancellationToken cancellation)
    {
        MessageText.Checked(text, "The correction");
        return db.JudgeAsync<Correction>(messageId, annotatorId, clientKey, comment, async (id, words) =>
        {
            var original = await db.Messages.AsNoTracking().SingleAsync(m => m.Id == messageId, cancellation);
            if (original.Text == text)
                throw new MossInputException("The correction says exactly what the reply says. Change the text, or rate the reply instead.");
            var sibling = Guid.CreateVersion7();
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO messages (id, conversation_id, parent_id, role, text, author_id, state, corrects_id, created_at)
                VALUES ({sibling}, {original.ConversationId}, {original.ParentId}, 'Moss', {text}, {annotatorId}, 'Complete', {messageId}, clock_timestamp())
                """, cancellation);
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO judgements (id, kind, message_id, annotator_id, rubric_version, correction_message_id, category,
                    comment, active_ms, client_key, supersedes_id, created_at)
                VALUES ({id}, 'Correction', {messageId}, {annotatorId}, 1, {sibling}, {category}, {words}, {activeMs}, {clientKey},
                    (SELECT j.id FROM judgements j WHERE j.message_id = {messageId} AND j.annotator_id = {annotatorId} AND j.kind = 'Correction'
                        AND NOT EXISTS (SELECT FROM judgements s WHERE s.supersedes_id = j.id)),
                    clock_timestamp())
                """, cancellation);
        }, cancellation);
    }

    /// <summary>Marks a reply that someone should look at, once per client key. A flagged reply teaches nothing.</summary>
    public static Task<Flag> FlagAsync(
        this MossDbContext db, Guid messageId, Guid annotatorId, Guid clientKey, string category, string? comment, CancellationToken cancellation)
    {
        if (!Flag.Categories.Contains(category))
            throw new MossInputException($"'{category}' is not a reason to flag. It is one of: {string.Join(", ", Flag.Categories)}.");
        return db.JudgeAsync<Flag>(messageId, annotatorId, clientKey, comment, async (id, words) =>
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO judgements (id, kind, message_id, annotator_id, rubric_version, category, comment, client_key, supersedes_id, created_at)
                VALUES ({id}, 'Flag', {messageId}, {annotatorId}, 1, {category}, {words}, {clientKey},
                    (SELECT j.id FROM judgements j WHERE j.message_id = {messageId} AND j.annotator_id = {annotatorId} AND j.kind = 'Flag'
                        AND NOT EXISTS (SELECT FROM judgements s WHERE s.supersedes_id = j.id)),
                    clock_timestamp())
                """, cancellation), cancellation);
    }

    /// <summary>
    /// Says which of two replies to one message is better, once per client key. The annotator's earlier comparison of the two in this very arrangement is
    /// superseded; one in which they had changed places stands beside it, because only both together show whether the place decided.
    /// </summary>
    /// <param name="leftId">The reply that was shown on the left.</param>
    public static Task<Comparison> CompareAsync(
        this MossDbContext db, Guid leftId, Guid rightId, Guid annotatorId, Guid clientKey, ComparisonOutcome outcome, int? strength, string? comment,
        int? activeMs, CancellationToken cancellation)
    {
        if (strength is < 1 or > 3) throw new MossInputException($"The strength of a preference is 1, 2 or 3, not {strength}. Nothing was stored.");
        return db.JudgeAsync<Comparison>(leftId, annotatorId, clientKey, comment, async (id, words) =>
        {
            var parents = await db.Messages.Where(m => (m.Id == leftId || m.Id == rightId) && m.Role == Role.Moss).Select(m => m.ParentId).ToListAsync(cancellation);
            if (parents is not [{ } one, { } other] || one != other)
                throw new MossInputException("Only two different replies to the same message can be compared. Choose another reply beside it.");
            var text = outcome.ToString();
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO judgements (id, kind, message_id, other_message_id, shown_left_id, annotator_id, rubric_version, outcome, strength,
                    comment, active_ms, client_key, supersedes_id, created_at)
                VALUES ({id}, 'Comparison', {leftId}, {rightId}, {leftId}, {annotatorId}, 1, {text}, {strength}, {words}, {activeMs}, {clientKey},
                    (SELECT j.id FROM judgements j WHERE j.message_id = {leftId} AND j.other_message_id = {rightId} AND j.annotator_id = {annotatorId}
                        AND j.kind = 'Comparison' AND NOT EXISTS (SELECT FROM judgements s WHERE s.supersedes_id = j.id)),
                    clock_timestamp())
                """, cancellation);
        }, cancellation);
    }

    /// <summary>Puts replies to one message in order, best first, once per client key; the annotator's earlier ranking of that message's replies is superseded.</summary>
    public static Task<Ranking> RankAsync(
        this MossDbContext db, Guid messageId, Guid annotatorId, Guid clientKey, IReadOnlyList<Guid> bestFirst, string? comment, int? activeMs,
        CancellationToken cancellation)
    {
        var order = bestFirst.ToArray();
        return db.JudgeAsync<Ranking>(messageId, annotatorId, clientKey, comment, async (id, words) =>
        {
            var replies = await db.Messages.CountAsync(m => order.Contains(m.Id) && m.ParentId == messageId && m.Role == Role.Moss, cancellation);
            if (order.Length < 2 || replies != order.Length)
                throw new MossInputException("A ranking names at least two replies to the same message, each once. Reload the conversation and rank again.");
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO judgements (id, kind, message_id, annotator_id, rubric_version, "order", comment, active_ms, client_key, supersedes_id, created_at)
                VALUES ({id}, 'Ranking', {messageId}, {annotatorId}, 1, {order}, {words}, {activeMs}, {clientKey},
                    (SELECT j.id FROM judgements j WHERE j.message_id = {messageId} AND j.annotator_id = {annotatorId} AND j.kind = 'Ranking'
                        AND NOT EXISTS (SELECT FROM judgements s WHERE s.supersedes_id = j.id)),
                    clock_timestamp())
                """, cancellation);
        }, cancellation, Role.Human);
    }

    /// <summary>What holds now: every judgement of these messages that no later one superseded.</summary>
    public static Task<List<Judgement>> JudgementsAsync(
        this MossDbContext db, IReadOnlyCollection<Guid> messageIds, CancellationToken cancellation) =>
        db.Judgements.AsNoTracking()
            .Where(j => messageIds.Contains(j.MessageId) && !db.Judgements.Any(s => s.SupersedesId == j.Id))
            .OrderBy(j => j.CreatedAt).ThenBy(j => j.Id).ToListAsync(cancellation);

    private static Task<T> JudgeAsync<T>(
        this MossDbContext db, Guid messageId, Guid annotatorId, Guid clientKey, string? comment,
        Func<Guid, string?, Task> add, CancellationToken cancellation, Role judged = Role.Moss) where T : Judgement =>
        db.InTransactionAsync(async () =>
        {
            var words = Words(comment);
            await db.LockAsync($"judge:{annotatorId}", cancellation); // one annotator judges one thing at a time
            var known = await db.Judgements.AsNoTracking()
                .SingleOrDefaultAsync(j => j.AnnotatorId == annotatorId && j.ClientKey == clientKey, cancellation);
            if (known is T same && same.MessageId == messageId) return same;
            if (known is not null)
                throw new MossInputException("This judgement's key is taken by another judgement of yours. Reload the page and judge again.");

            var role = await db.Messages.AsNoTracking().Where(m => m.Id == messageId).Select(m => (Role?)m.Role).SingleOrDefaultAsync(cancellation);
            if (role != judged)
                throw new MossInputException(role is null ? $"There is no message {messageId} to judge. Reload the conversation."
                    : judged == Role.Moss ? "Only MOSS's replies can be judged. Choose the reply, not the question."
                    : "A ranking belongs to the message that the replies answer. Choose the question, not a reply.");
            var id = Guid.CreateVersion7();
            await add(id, words);
            return await db.Judgements.AsNoTracking().OfType<T>().SingleAsync(j => j.Id == id, cancellation);
        }, cancellation);

    private static string? Words(string? comment)
    {
        if (string.IsNullOrWhiteSpace(comment)) return null;
        if (comment.Length > 8_192) throw new MossInputException($"The comment has {comment.Length:N0} characters; at most 8,192 are stored. Shorten it.");
        return MessageText.Checked(comment, "The comment");
    }
}
