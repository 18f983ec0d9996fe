using Moss.Annotate.Account;
using Moss.Annotate.Features.Shared;
using Moss.Data;
using Moss.Data.Conversations;
using Moss.Data.Drafts;

namespace Moss.Annotate.Features.Conversations.Talking;

/// <summary>A person's side of a conversation: what they say is stored once, and its draft is cleared in the same transaction.</summary>
public sealed class Saying(DatabaseLine database, SignedIn signedIn, CurrentProject project)
{
    public const string NewConversationPlace = "say:new";

    private Guid? _toAnswer;

    public static string Place(Guid conversationId) => $"say:{conversationId}";

    /// <summary>Starts a conversation with its first message. The ids are made when the field is shown: sent twice, it is one conversation.</summary>
    public async Task StartAsync(Guid conversationId, Guid messageId, string text, CancellationToken cancellation)
    {
        var me = await signedIn.DemandAsync(Policies.Annotator, cancellation);
        var where = await project.GetAsync(cancellation);
        await database.DoAsync((db, token) => TogetherAsync(db, async () =>
        {
            await db.StartConversationAsync(conversationId, where.Id, ConversationOrigin.Human, Titles.Of(text), Titles.Language(text), me.Id, null, null, token);
            await db.SayAsync(messageId, conversationId, null, text, me.Id, token);
            await db.ClearDraftAsync(me.Id, NewConversationPlace, token);
        }, token), cancellation);
        _toAnswer = messageId;
    }

    /// <summary>Adds a message below <paramref name="parentId"/>.</summary>
    public async Task SayAsync(Guid conversationId, Guid messageId, Guid? parentId, string text, CancellationToken cancellation)
    {
        var me = await signedIn.DemandAsync(Policies.Annotator, cancellation);
        await database.DoAsync((db, token) => TogetherAsync(db, async () =>
        {
            await db.SayAsync(messageId, conversationId, parentId, text, me.Id, token);
            await db.ClearDraftAsync(me.Id, Place(conversationId), token);
        }, token), cancellation);
    }

    /// <summary>True once, for the message that just started a conversation: its page asks MOSS at once.</summary>
    public bool TakeToAnswer(Guid messageId)
    {
        if (_toAnswer != messageId) return false;
        _toAnswer = null;
        return true;
    }

    private static async Task TogetherAsync(MossDbContext db, Func<Task> work, CancellationToken cancellation)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        await work();
        await transaction.CommitAsync(cancellation);
    }
}
