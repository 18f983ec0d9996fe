using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Annotators;

namespace Moss.Annotate.Account;

internal static class Administrators
{
    /// <summary>True when somebody has the role, disabled or not: then the setup link has done its work.</summary>
    public static Task<bool> HasAdministratorAsync(this MossDbContext db, CancellationToken cancellation) =>
        db.AdministratorIds().AnyAsync(cancellation);

    /// <summary>True when somebody who may sign in has the role. A short lockout after wrong passwords does not count against them.</summary>
    public static Task<bool> HasWorkingAdministratorAsync(this MossDbContext db, DateTimeOffset now, CancellationToken cancellation) =>
        db.AdministratorIds().AnyAsync(id => db.Users.Any(u => u.Id == id && (u.LockoutEnd == null || u.LockoutEnd < now.AddYears(1))), cancellation);

    private static IQueryable<Guid> AdministratorIds(this MossDbContext db) =>
        from role in db.Roles
        join held in db.UserRoles on role.Id equals held.RoleId
        where role.Name == Roles.Administrator
        select held.UserId;
}
