using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Localization;
using Moss.Data;
using Moss.Data.Annotators;
using Moss.Data.Audit;

namespace Moss.Annotate.Account;

/// <summary>An account as the list of people shows it.</summary>
public sealed record Person(Guid Id, string Name, string Role, string Language, bool Disabled);

/// <summary>What administrators do with accounts. Each act has a scope and a transaction of its own and is written to the audit log with it.</summary>
public sealed class People(IServiceScopeFactory scopes, SignedIn signedIn, TimeProvider time, IStringLocalizer<AccountWords> words)
{
    private static readonly DateTimeOffset Forever = new(9000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public async Task<List<Person>> AllAsync(CancellationToken cancellation)
    {
        await signedIn.DemandAsync(Policies.Administrator, cancellation);
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<MossDbContext>();
        var now = time.GetUtcNow();
        var rows = await (
            from user in db.Users.AsNoTracking()
            orderby user.UserName
            select new
            {
                user.Id, user.UserName, user.Language,
                Disabled = user.LockoutEnd > now.AddYears(1),
                Roles = db.UserRoles.Where(r => r.UserId == user.Id).Join(db.Roles, r => r.RoleId, r => r.Id, (_, r) => r.Name!).ToList(),
            }).ToListAsync(cancellation);
        return [.. rows.Select(r => new Person(r.Id, r.UserName ?? "?", Roles.All.LastOrDefault(r.Roles.Contains) ?? "", r.Language, r.Disabled))];
    }

    /// <returns>A sentence when it is refused, else null.</returns>
    public Task<string?> CreateAsync(string name, string role, string password, CancellationToken cancellation) =>
        ActAsync(async (db, users, me) =>
        {
            var user = new MossUser { UserName = name.Trim() };
            var made = await users.CreateAsync(user, password);
            if (made.Succeeded) made = await users.AddToRoleAsync(user, role);
            if (made.Succeeded) await db.AuditAsync(me.DisplayName, "user_created", name.Trim(), new { role }, cancellation);
            return made;
        }, cancellation);

    public Task<string?> ChangeRoleAsync(Guid id, string role, CancellationToken cancellation) =>
        ActOnAsync(id, async (db, users, me, user) =>
        {
            var before = await users.GetRolesAsync(user);
            var done = await users.RemoveFromRolesAsync(user, before);
            if (done.Succeeded) done = await users.AddToRoleAsync(user, role);
            if (done.Succeeded) done = await users.UpdateSecurityStampAsync(user); // open pages notice
            await db.AuditAsync(me.DisplayName, "role_changed", user.UserName!, new { before, after = role }, cancellation);
            return done;
        }, cancellation);

    public Task<string?> DisableAsync(Guid id, bool disabled, CancellationToken cancellation) =>
        ActOnAsync(id, async (db, users, me, user) =>
        {
            user.LockoutEnabled = true;
            user.LockoutEnd = disabled ? Forever : null;
            user.AccessFailedCount = 0;
            var done = await users.UpdateSecurityStampAsync(user);
            await db.AuditAsync(me.DisplayName, disabled ? "user_disabled" : "user_enabled", user.UserName!, new { }, cancellation);
            return done;
        }, cancellation);

    public Task<string?> SetPasswordAsync(Guid id, string password, CancellationToken cancellation) =>
        ActOnAsync(id, async (db, users, me, user) =>
        {
            var done = await users.ResetPasswordAsync(user, await users.GeneratePasswordResetTokenAsync(user), password);
            if (done.Succeeded) await db.AuditAsync(me.DisplayName, "password_reset", user.UserName!, new { }, cancellation);
            return done;
        }, cancellation);

    private Task<string?> ActOnAsync(
        Guid id, Func<MossDbContext, UserManager<MossUser>, Annotator, MossUser, Task<IdentityResult>> act, CancellationToken cancellation) =>
        ActAsync(async (db, users, me) => await users.FindByIdAsync(id.ToString()) is { } user
            ? await act(db, users, me, user)
            : IdentityResult.Failed(new IdentityError { Code = "UserGone", Description = "" }), cancellation);

    private async Task<string?> ActAsync(
        Func<MossDbContext, UserManager<MossUser>, Annotator, Task<IdentityResult>> act, CancellationToken cancellation)
    {
        var me = await signedIn.DemandAsync(Policies.Administrator, cancellation);
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<MossDbContext>();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtext('moss accounts'))", cancellation); // two administrators at once
        var done = await act(db, scope.ServiceProvider.GetRequiredService<UserManager<MossUser>>(), me);
        if (!done.Succeeded) return words.Sentences(done);
        if (!await db.HasWorkingAdministratorAsync(time.GetUtcNow(), cancellation)) return words["LastAdministrator"];
        await transaction.CommitAsync(cancellation);
        return null;
    }
}
