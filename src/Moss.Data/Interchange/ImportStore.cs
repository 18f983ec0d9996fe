using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Annotators;
using Moss.Data.Conversations;
using Npgsql;
using NpgsqlTypes;

namespace Moss.Data.Interchange;

/// <summary>Collects imported conversations in temporary tables by COPY, then stores those whose key is new in one statement per table.</summary>
internal sealed class ImportStore
{
    private const int BatchSize = 4_000; // messages
    private readonly NpgsqlConnection connection;
    private readonly Guid projectId;
    private readonly List<(ImportedConversation Conversation, string Key)> batch = [];
    private int messages, rankings, conversations;

    private ImportStore(NpgsqlConnection connection, Guid projectId) => (this.connection, this.projectId) = (connection, projectId);

    public static async Task<ImportStore> OpenAsync(NpgsqlConnection connection, Guid projectId, CancellationToken cancellation)
    {
        var store = new ImportStore(connection, projectId);
        await store.ExecuteAsync("""
            CREATE TEMP TABLE import_conversations (position int, id uuid, title text, language text, source_key text) ON COMMIT DROP;
            CREATE TEMP TABLE import_messages (position int, id uuid, conversation_id uuid, parent_id uuid, role text, text text,
                thoughts text, commands text, results text, source_rank int) ON COMMIT DROP;
            CREATE TEMP TABLE import_rankings (id uuid, conversation_id uuid, message_id uuid, client_key uuid, reply_order uuid[]) ON COMMIT DROP
            """, cancellation);
        return store;
    }

    public async Task AddAsync(ImportedConversation conversation, string key, CancellationToken cancellation)
    {
        batch.Add((conversation, key));
        messages += conversation.Messages.Count;
        if (messages >= BatchSize) await FlushAsync(cancellation);
    }

    /// <summary>Stores what is new; how many conversations, messages and judgements that were.</summary>
    public async Task<(int Conversations, int Messages, int Judgements)> FinishAsync(MossDbContext db, CancellationToken cancellation)
    {
        await FlushAsync(cancellation);
        var added = await ExecuteAsync($"""
            INSERT INTO conversations (id, project_id, title, language, origin, source_key, created_at)
            SELECT id, '{projectId}', title, language, 'Import', source_key, now() + position * interval '1 microsecond'
            FROM import_conversations ORDER BY position
            ON CONFLICT (project_id, source_key) DO NOTHING
            """, cancellation);
        if (added == 0) return (0, 0, 0);
        var said = await ExecuteAsync("""
            INSERT INTO messages (id, conversation_id, parent_id, role, text, thoughts, commands, results, state, source_rank, created_at)
            SELECT m.id, m.conversation_id, m.parent_id, m.role, m.text, m.thoughts, m.commands, m.results, 'Complete', m.source_rank,
                   now() + m.position * interval '1 microsecond'
            FROM import_messages m JOIN conversations c ON c.id = m.conversation_id
            """, cancellation);
        if (rankings == 0) return (added, said, 0);

        var spec = Convert.ToHexStringLower(SHA256.HashData("OASST consensus: the rank that Open-Assistant's people gave siblings"u8));
        var now = await db.Database.SqlQuery<DateTime>($"SELECT now() AS \"Value\"").SingleAsync(cancellation);
        var consensus = await db.EnsureMachineAsync(AnnotatorKind.Import, spec, "OASST consensus", new DateTimeOffset(now, TimeSpan.Zero), cancellation);
        var judged = await ExecuteAsync($"""
            INSERT INTO judgements (id, kind, message_id, annotator_id, rubric_version, "order", client_key, created_at)
            SELECT r.id, 'Ranking', r.message_id, '{consensus.Id}', 1, r.reply_order, r.client_key, now()
            FROM import_rankings r JOIN conversations c ON c.id = r.conversation_id
            """, cancellation);
        return (added, said, judged);
    }

    private async Task FlushAsync(CancellationToken cancellation)
    {
        await CopyAsync("import_conversations (position, id, title, language, source_key)", batch, async (copy, row) =>
        {
            await copy.WriteAsync(conversations++, NpgsqlDbType.Integer, cancellation);
            await copy.WriteAsync(row.Conversation.Id, NpgsqlDbType.Uuid, cancellation);
            await copy.WriteAsync(ConversationCommands.Title(row.Conversation.FirstQuestion), NpgsqlDbType.Text, cancellation);
            await copy.WriteNullableAsync(row.Conversation.Language, cancellation);
            await copy.WriteAsync(row.Key, NpgsqlDbType.Text, cancellation);
        }, cancellation);
        var said = batch.SelectMany(b => b.Conversation.Messages.Index().Select(m => (Conversation: b.Conversation.Id, Position: m.Index, Message: m.Item)));
        await CopyAsync("import_messages (position, id, conversation_id, parent_id, role, text, thoughts, commands, results, source_rank)", said, async (copy, row) =>
        {
            await copy.WriteAsync(row.Position, NpgsqlDbType.Integer, cancellation);
            await copy.WriteAsync(row.Message.Id, NpgsqlDbType.Uuid, cancellation);
            await copy.WriteAsync(row.Conversation, NpgsqlDbType.Uuid, cancellation);
            await copy.WriteNullableAsync(row.Message.ParentId, cancellation);
            await copy.WriteAsync(row.Message.Role.ToString(), NpgsqlDbType.Text, cancellation);
            await copy.WriteAsync(row.Message.Text, NpgsqlDbType.Text, cancellation);
            await copy.WriteNullableAsync(row.Message.Thoughts, cancellation);
            await copy.WriteNullableAsync(row.Message.Commands, cancellation);
            await copy.WriteNullableAsync(row.Message.Results, cancellation);
            await copy.WriteNullableAsync(row.Message.SourceRank, cancellation);
        }, cancellation);
        var ranked = batch.SelectMany(b => b.Conversation.Rankings.Select(r => (Conversation: b.Conversation.Id, Ranking: r)));
        rankings += await CopyAsync("import_rankings (id, conversation_id, message_id, client_key, reply_order)", ranked, async (copy, row) =>
        {
            await copy.WriteAsync(Guid.CreateVersion7(), NpgsqlDbType.Uuid, cancellation);
            await copy.WriteAsync(row.Conversation, NpgsqlDbType.Uuid, cancellation);
            await copy.WriteAsync(row.Ranking.ParentId, NpgsqlDbType.Uuid, cancellation);
            await copy.WriteAsync(Guid.CreateVersion7(), NpgsqlDbType.Uuid, cancellation);
            await copy.WriteAsync(row.Ranking.Order, NpgsqlDbType.Array | NpgsqlDbType.Uuid, cancellation);
        }, cancellation);
        batch.Clear();
        messages = 0;
    }

    private async Task<int> CopyAsync<T>(string into, IEnumerable<T> rows, Func<NpgsqlBinaryImporter, T, Task> write, CancellationToken cancellation)
    {
        await using var copy = await connection.BeginBinaryImportAsync($"COPY {into} FROM STDIN (FORMAT BINARY)", cancellation);
        foreach (var row in rows)
        {
            await copy.StartRowAsync(cancellation);
            await write(copy, row);
        }
        return (int)await copy.CompleteAsync(cancellation);
    }

    private async Task<int> ExecuteAsync(string sql, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        return await command.ExecuteNonQueryAsync(cancellation);
    }
}
