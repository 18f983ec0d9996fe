using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using Moss.Annotate.Hosting;
using Moss.Data.Annotators;

namespace Moss.Annotate.Account;

internal static class AccountEndpoints
{
    /// <summary>What the account pages need beside themselves: signing out (POST only) and the language switch.</summary>
    public static void MapAccounts(this WebApplication app)
    {
        app.MapPost("/Account/Logout", async (SignInManager<MossUser> signIn, [FromForm] string? returnUrl) =>
        {
            await signIn.SignOutAsync();
            return Results.LocalRedirect(SafeReturn(returnUrl, "/Account/Login"));
        }).AllowAnonymous();

        app.MapGet("/Account/Language", async (
            HttpContext context, UserManager<MossUser> users, string? culture, string? returnUrl) =>
        {
            if (!Languages.IsKnown(culture)) return Results.BadRequest($"'{culture}' is not a language of this portal; it has en and zh-Hans.");
            context.RememberLanguage(culture!);
            if (await users.GetUserAsync(context.User) is { } user && user.Language != culture)
            {
                user.Language = culture!;
                await users.UpdateAsync(user);
            }
            return Results.LocalRedirect(SafeReturn(returnUrl, "/"));
        }).AllowAnonymous();
    }

    /// <summary>A path of this portal, or the fallback: never another site.</summary>
    public static string SafeReturn(string? url, string fallback) =>
        url is ['/', ..] && !url.StartsWith("//", StringComparison.Ordinal) && !url.StartsWith("/\\", StringComparison.Ordinal) ? url : fallback;
}
