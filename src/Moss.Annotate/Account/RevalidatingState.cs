using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Moss.Data.Annotators;

namespace Moss.Annotate.Account;

/// <summary>Signs an open page out when its account was disabled or its roles or password changed.</summary>
internal sealed class RevalidatingState(ILoggerFactory loggers, IServiceScopeFactory scopes, IOptions<IdentityOptions> options)
    : RevalidatingServerAuthenticationStateProvider(loggers)
{
    protected override TimeSpan RevalidationInterval => Accounts.Revalidate;

    protected override async Task<bool> ValidateAuthenticationStateAsync(AuthenticationState state, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<UserManager<MossUser>>().IsCurrentAsync(state.User, options.Value);
    }
}

internal static class AccountValidity
{
    /// <summary>True while the account exists, may sign in, and has the security stamp that the principal was made with.</summary>
    public static async Task<bool> IsCurrentAsync(this UserManager<MossUser> users, ClaimsPrincipal principal, IdentityOptions options)
    {
        if (await users.GetUserAsync(principal) is not { } user || await users.IsLockedOutAsync(user)) return false;
        return principal.FindFirstValue(options.ClaimsIdentity.SecurityStampClaimType) == await users.GetSecurityStampAsync(user);
    }
}
