using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Moss.Annotate.Features.Shared;
using Moss.Data.Annotators;

namespace Moss.Annotate.Account;

/// <summary>The person at this page, as annotator; asked again before each write, because claims are frozen while a page is open.</summary>
public sealed class SignedIn(
    AuthenticationStateProvider state, IAuthorizationService authorization, DatabaseLine database, TimeProvider time,
    IOptions<IdentityOptions> identity)
{
    private Annotator? _annotator;

    /// <summary>The annotator of the account, made at its first use.</summary>
    public async Task<Annotator> AnnotatorAsync(CancellationToken cancellation)
    {
        if (_annotator is not null) return _annotator;
        var (id, name) = await AccountAsync();
        return _annotator = await database.DoAsync((db, token) => db.EnsureHumanAsync(id, name, time.GetUtcNow(), token), cancellation);
    }

    /// <summary>True when the person may do what the policy guards; looks at the claims only, to show or hide a control.</summary>
    public async Task<bool> MayAsync(string policy) =>
        (await authorization.AuthorizeAsync((await state.GetAuthenticationStateAsync()).User, policy)).Succeeded;

    /// <summary>The annotator, if the account still exists, is not disabled and still has the role; else throws <see cref="NotAllowedException"/>.</summary>
    public async Task<Annotator> DemandAsync(string policy, CancellationToken cancellation)
    {
        if (!await MayAsync(policy)) throw new NotAllowedException();
        var (id, _) = await AccountAsync();
        var user = (await state.GetAuthenticationStateAsync()).User;
        var stamp = user.FindFirst(identity.Value.ClaimsIdentity.SecurityStampClaimType)?.Value;
        var now = time.GetUtcNow();
        var current = await database.DoAsync((db, token) => db.Users.AsNoTracking().AnyAsync(
            u => u.Id == id && u.SecurityStamp == stamp && (u.LockoutEnd == null || u.LockoutEnd < now), token), cancellation);
        return current ? await AnnotatorAsync(cancellation) : throw new NotAllowedException();
    }

    private async Task<(Guid Id, string Name)> AccountAsync()
    {
        var user = (await state.GetAuthenticationStateAsync()).User;
        var id = user.FindFirst(identity.Value.ClaimsIdentity.UserIdClaimType)?.Value;
        return Guid.TryParse(id, out var guid) ? (guid, user.Identity?.Name ?? "?") : throw new NotAllowedException();
    }
}

/// <summary>The session ended, or the account lost the role that an act needs.</summary>
public sealed class NotAllowedException() : Exception("Your session has ended or your role has changed. What you typed is kept; sign in again to go on.");
