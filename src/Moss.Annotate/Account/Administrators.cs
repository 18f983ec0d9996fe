using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Annotators;

namespace Moss.Annotate.Account;

internal static class Administrators
{
    public static Task<bool> HasAdministratorAsync(this MossDbContext db, CancellationToken cancellation) =>
        (from role in db.Roles
         join held in db.UserRoles on role.Id equals held.RoleId
         where role.Name == Roles.Administrator
         select held.UserId).AnyAsync(cancellation);
}
