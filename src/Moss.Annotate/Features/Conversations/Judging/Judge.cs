using Moss.Annotate.Account;
using Moss.Annotate.Features.Shared;
using Moss.Data.Drafts;
using Moss.Data.Judgements;

namespace Moss.Annotate.Features.Conversations.Judging;

/// <summary>What the person at this page says about replies. The role is asked for again at each; a key makes each happen once.</summary>
public sealed class Judge(DatabaseLine database, SignedIn signedIn)
{
    public static string CorrectionPlace(Guid messageId) => $"correct:{messageId}";

    public async Task RateAsync(Guid messageId, Guid key, int score, int? activeMs, CancellationToken cancellation)
    {
        var me = await signedIn.DemandAsync(Policies.Annotator, cancellation);
        await database.DoAsync((db, token) => db.RateAsync(messageId, me.Id, key, score, null, activeMs, token), cancellation);
    }

    public async Task<Correction> CorrectAsync(Guid messageId, Guid key, string text, string? category, int? activeMs, CancellationToken cancellation)
    {
        var me = await signedIn.DemandAsync(Policies.Annotator, cancellation);
        return await database.DoAsync(async (db, token) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync(token);
            var correction = await db.CorrectAsync(messageId, me.Id, key, text, category, null, activeMs, token);
            await db.ClearDraftAsync(me.Id, CorrectionPlace(messageId), token);
            await transaction.CommitAsync(token);
            return correction;
        }, cancellation);
    }

    public async Task FlagAsync(Guid messageId, Guid key, string category, string? comment, CancellationToken cancellation)
    {
        var me = await signedIn.DemandAsync(Policies.Annotator, cancellation);
        await database.DoAsync((db, token) => db.FlagAsync(messageId, me.Id, key, category, comment, token), cancellation);
    }
}
