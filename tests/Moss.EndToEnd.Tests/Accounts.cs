using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Annotators;

namespace Moss.EndToEnd.Tests;

/// <summary>
/// People for tests that are not about making accounts: written into the database, never as administrators, so that the one-time link
/// still waits for the test that uses it, whatever the order.
/// </summary>
internal static class Accounts
{
    private const string Password = "a long pass phrase 2";

    /// <summary>Somebody new, at a browser of their own, signed in.</summary>
    public static async Task<Person> NewcomerAsync(this Browser browser, RunningMoss moss, string name, string role, string language = "en")
    {
        await MakeAsync(moss, name, role, language);
        var person = await browser.PersonAsync(moss, language == "en" ? "en" : "zh-CN");
        await person.SignInAsync(name, Password);
        return person;
    }

    public static Task SignInAgainAsync(this Person person, string name) => person.SubmitSignInAsync(name, Password);

    private static Task<int> MakeAsync(RunningMoss moss, string name, string role, string language) => moss.WithAsync(async db =>
    {
        var test = TestContext.Current.CancellationToken;
        var known = await db.Roles.SingleOrDefaultAsync(r => r.Name == role, test)
            ?? db.Roles.Add(new IdentityRole<Guid>(role) { Id = Guid.CreateVersion7(), NormalizedName = role.ToUpperInvariant() }).Entity;
        var user = new MossUser { UserName = name, NormalizedUserName = name.ToUpperInvariant(), Language = language, SecurityStamp = Guid.NewGuid().ToString("N") };
        user.PasswordHash = new PasswordHasher<MossUser>().HashPassword(user, Password);
        db.Users.Add(user);
        db.UserRoles.Add(new IdentityUserRole<Guid> { UserId = user.Id, RoleId = known.Id });
        return await db.SaveChangesAsync(test);
    });
}
