using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Localization;
using Moss.Annotate.Hosting;
using Moss.Data;
using Moss.Data.Annotators;
using Moss.Data.Audit;

namespace Moss.Annotate.Account;

/// <summary>The one account that nobody else can make: possible with the setup token, while there is no administrator.</summary>
public sealed class FirstAdministrator(
    MossDbContext db, UserManager<MossUser> users, RoleManager<IdentityRole<Guid>> roles, PortalSettings settings,
    IStringLocalizer<AccountWords> words)
{
    /// <summary>The key of the sentence that says why it is refused, or null when it may be done.</summary>
    public async Task<string?> WhyNotAsync(string? token, CancellationToken cancellation)
    {
        if (await db.HasAdministratorAsync(cancellation)) return "FirstExists";
        if (settings.SetupToken is not { } expected) return "FirstNoToken";
        return CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(token ?? ""), Encoding.UTF8.GetBytes(expected))
            ? null
            : "FirstWrongToken";
    }

    public async Task<(MossUser? User, string? Error)> CreateAsync(
        string? token, string name, string password, string language, CancellationToken cancellation)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        // Two browsers with the same link: the second waits here, and then finds an administrator.
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtext('moss first administrator'))", cancellation);
        if (await WhyNotAsync(token, cancellation) is { } refusal) return (null, words[refusal]);

        foreach (var role in Roles.All)
        {
            if (!await roles.RoleExistsAsync(role)) await roles.CreateAsync(new IdentityRole<Guid>(role) { Id = Guid.CreateVersion7() });
        }
        var user = new MossUser { UserName = name, Language = language };
        var made = await users.CreateAsync(user, password);
        if (!made.Succeeded) return (null, words.Sentences(made));
        await users.AddToRoleAsync(user, Roles.Administrator);
        await db.AuditAsync(name, "user_created", name, new { role = Roles.Administrator, by = "setup token" }, cancellation);
        await transaction.CommitAsync(cancellation);
        return (user, null);
    }
}
