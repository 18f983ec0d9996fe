using System.Text;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Moss.Data.Conversations;

/// <summary>How a reply ended. StopReason: stop, length, stop_string, stopped (by a person), cut_off (the server went away).</summary>
public sealed record ReplyOutcome(
    string StopReason, string? TemplateSha256 = null, long? Seed = null, int? PromptTokens = null, int? CompletionTokens = null,
    double? FirstTokenMs = null, double? TotalMs = null, double? SumLogProb = null);

public static class ConversationCommands
{
    /// <summary>Starts a conversation, once per id, with a System message when there is a text for it.</summary>
    public static Task<Conversation> StartConversationAsync(
        this MossDbContext db, Guid id, Guid projectId, ConversationOrigin origin, string title, string? language,
        Guid createdBy, Guid? agentRunId, string? systemText, CancellationToken cancellation)
    {
        var shown = Title(title);
        if (systemText is not null) MessageText.Checked(systemText, "The system message");
        return db.InTransactionAsync(async () =>
        {
            var originText = origin.ToString();
            var added = await db.Database.ExecuteSqlAsync($"""
                INSERT INTO conversations (id, project_id, title, language, origin, agent_run_id, created_by, created_at)
                VALUES ({id}, {projectId}, {shown}, {language}, {originText}, {agentRunId}, {createdBy}, clock_timestamp())
                ON CONFLICT (id) DO NOTHING
                """, cancellation);
            if (added == 1 && systemText is not null)
                await db.Database.ExecuteSqlAsync($"""
                    INSERT INTO messages (id, conversation_id, role, text, state, created_at)
                    VALUES ({Guid.CreateVersion7()}, {id}, 'System', {systemText}, 'Complete', clock_timestamp())
                    """, cancellation);
            return await db.Conversations.AsNoTracking().SingleAsync(c => c.Id == id, cancellation);
        }, cancellation);
    }

    /// <summary>Stores what a person or an agent said, once per id. Without a parent it follows the System message, if there is one.</summary>
    public static async Task<Message> SayAsync(
        this MossDbContext db, Guid messageId, Guid conversationId, Guid? parentId, string text, Guid authorId, CancellationToken cancellation)
    {
        MessageText.Checked(text);
        try
        {
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO messages (id, conversation_id, parent_id, role, text, author_id, state, created_at)
                VALUES ({messageId}, {conversationId},
                    COALESCE({parentId}, (SELECT id FROM messages WHERE conversation_id = {conversationId} AND role = 'System' AND parent_id IS NULL LIMIT 1)),
                    'Human', {text}, {authorId}, 'Complete', clock_timestamp())
                ON CONFLICT (id) DO NOTHING
                """, cancellation);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            throw new MossInputException(
                "This message cannot be stored: its conversation, the message it answers or its author is not in the database. Reload the page and send it again.", e);
        }
        var stored = await db.Messages.AsNoTracking().SingleAsync(m => m.Id == messageId, cancellation);
        return stored.ConversationId == conversationId && stored.Text == text
            ? stored
            : throw new MossInputException($"Message id {messageId} is taken by another message. Send this one under an id of its own.");
    }

    /// <summary>Stores a reply under way together with how it comes about, once per id.</summary>
    public static Task BeginReplyAsync(
        this MossDbContext db, Guid messageId, Guid conversationId, Guid parentId, string text, Generation generation, CancellationToken cancellation)
    {
        if (generation.MessageId != messageId) throw new ArgumentException("The generation belongs to another message.", nameof(generation));
        var stored = MessageText.Clean(text);
        return db.InTransactionAsync(async () =>
        {
            var added = await db.Database.ExecuteSqlAsync($"""
                INSERT INTO messages (id, conversation_id, parent_id, role, text, state, created_at)
                VALUES ({messageId}, {conversationId}, {parentId}, 'Moss', {stored}, 'CutShort', clock_timestamp()) ON CONFLICT (id) DO NOTHING
                """, cancellation);
            if (added == 0) return false;
            return await db.Database.ExecuteSqlAsync($"""
                INSERT INTO generations (message_id, checkpoint_id, template_sha256, sampling, seed, prompt_tokens)
                VALUES ({messageId}, {generation.CheckpointId}, {generation.TemplateSha256}, {generation.Sampling}::jsonb, {generation.Seed}, {generation.PromptTokens})
                """, cancellation) == 1;
        }, cancellation);
    }

    /// <summary>Stores how far a reply has come. A text that is not longer than what is stored, or a reply that has ended, changes nothing.</summary>
    public static Task GrowReplyAsync(this MossDbContext db, Guid messageId, string text, CancellationToken cancellation)
    {
        var longer = MessageText.Clean(text);
        return db.Database.ExecuteSqlAsync($"""
            UPDATE messages m SET text = {longer}
            FROM generations g
            WHERE m.id = {messageId} AND m.state = 'CutShort' AND length(m.text) < length({longer}) AND starts_with({longer}, m.text)
              AND g.message_id = m.id AND g.total_ms IS NULL AND g.stop_reason IS NULL
            """, cancellation);
    }

    /// <summary>
    /// Ends a reply, once: its last text, Complete or CutShort, and its figures. Ending it again changes nothing. What people have seen is never taken
    /// back: a last text that does not continue what was stored leaves the stored text.
    /// </summary>
    public static Task EndReplyAsync(
        this MossDbContext db, Guid messageId, string text, MessageState state, ReplyOutcome outcome, CancellationToken cancellation)
    {
        var last = MessageText.Clean(text);
        var stateText = state.ToString();
        return db.InTransactionAsync(async () =>
        {
            var ended = await db.Database.ExecuteSqlAsync($"""
                UPDATE messages m SET text = CASE WHEN starts_with({last}, m.text) THEN {last} ELSE m.text END, state = {stateText}
                FROM generations g
                WHERE m.id = {messageId} AND m.state = 'CutShort' AND g.message_id = m.id AND g.total_ms IS NULL AND g.stop_reason IS NULL
                """, cancellation);
            if (ended == 0) return false;
            var o = outcome;
            return await db.Database.ExecuteSqlAsync($"""
                UPDATE generations SET stop_reason = {o.StopReason}, template_sha256 = COALESCE({o.TemplateSha256}, template_sha256),
                    seed = COALESCE({o.Seed}, seed), prompt_tokens = COALESCE({o.PromptTokens}, prompt_tokens),
                    completion_tokens = {o.CompletionTokens}, first_token_ms = {o.FirstTokenMs}, total_ms = {o.TotalMs}, sum_log_prob = {o.SumLogProb}
                WHERE message_id = {messageId}
                """, cancellation) == 1;
        }, cancellation);
    }

    /// <summary>A title as it is stored: one line, at most 200 characters, never empty.</summary>
    internal static string Title(string text)
    {
        var line = string.Join(' ', MessageText.Clean(text).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        if (line.Length == 0) return "…";
        if (line.Length <= 200) return line;
        var cut = new StringBuilder(200);
        foreach (var rune in line.EnumerateRunes())
        {
            if (cut.Length + rune.Utf16SequenceLength > 199) break;
            cut.Append(rune.ToString());
        }
        return cut.Append('…').ToString();
    }
}
