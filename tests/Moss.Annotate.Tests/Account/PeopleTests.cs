using Microsoft.EntityFrameworkCore;
using Moss.Annotate.Account;
using Moss.Annotate.Tests.Setup;
using Moss.Data.Annotators;
using Moss.Data.Audit;

namespace Moss.Annotate.Tests.Account;

public sealed class PeopleTests(PostgresServer postgres)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_administrator_makes_accounts_changes_roles_and_disables_and_each_act_is_in_the_audit_log()
    {
        await using var work = await Workplace.CreateAsync(await postgres.CreateAsync(), Roles.Administrator);
        var people = work.Get<People>();
        Assert.Null(await people.CreateAsync("小红", Roles.Annotator, "a long enough one", Test));
        var red = (await people.AllAsync(Test)).Single(p => p.Name == "小红");
        Assert.Equal((Roles.Annotator, false), (red.Role, red.Disabled));

        await using var db = work.Db();
        var stamp = await db.Users.Where(u => u.Id == red.Id).Select(u => u.SecurityStamp).SingleAsync(Test);
        Assert.Null(await people.ChangeRoleAsync(red.Id, Roles.Researcher, Test));
        Assert.Null(await people.DisableAsync(red.Id, true, Test));
        Assert.Null(await people.SetPasswordAsync(red.Id, "quite another one", Test));
        var now = (await people.AllAsync(Test)).Single(p => p.Id == red.Id);
        Assert.Equal((Roles.Researcher, true), (now.Role, now.Disabled));
        Assert.NotEqual(stamp, await db.Users.Where(u => u.Id == red.Id).Select(u => u.SecurityStamp).SingleAsync(Test));

        var log = await db.AuditLog.OrderBy(e => e.Id).ToListAsync(Test);
        Assert.Equal(["user_created", "role_changed", "user_disabled", "password_reset"], log.Select(e => e.Action));
        Assert.All(log, e => Assert.Equal(work.User.UserName, e.Who));
        Assert.DoesNotContain(log, e => e.Details.Contains("long enough", StringComparison.Ordinal));
        Assert.Null(await db.VerifyAuditAsync(Test));
    }

    [Fact]
    public async Task The_last_administrator_can_neither_be_demoted_nor_disabled_and_a_refused_act_leaves_no_trace()
    {
        await using var work = await Workplace.CreateAsync(await postgres.CreateAsync(), Roles.Administrator);
        var people = work.Get<People>();
        Assert.Contains("another administrator", await people.ChangeRoleAsync(work.User.Id, Roles.Annotator, Test));
        Assert.Contains("another administrator", await people.DisableAsync(work.User.Id, true, Test));
        Assert.Contains("at least 12", await people.CreateAsync("x", Roles.Annotator, "short", Test));
        Assert.Contains("taken", await people.CreateAsync(work.User.UserName!, Roles.Annotator, "a long enough one", Test));
        var self = Assert.Single(await people.AllAsync(Test));
        Assert.Equal((Roles.Administrator, false), (self.Role, self.Disabled));
        await using var db = work.Db();
        Assert.Empty(await db.AuditLog.ToListAsync(Test));
    }

    [Theory]
    [InlineData(Roles.Annotator)]
    [InlineData(Roles.Researcher)]
    public async Task Nobody_else_manages_people(string role)
    {
        await using var work = await Workplace.CreateAsync(await postgres.CreateAsync(), role);
        await Assert.ThrowsAsync<NotAllowedException>(() => work.Get<People>().CreateAsync("x", Roles.Administrator, "a long enough one", Test));
        await Assert.ThrowsAsync<NotAllowedException>(() => work.Get<People>().AllAsync(Test));
    }

    [Fact]
    public async Task A_role_that_was_taken_away_no_longer_works_in_an_open_page()
    {
        await using var work = await Workplace.CreateAsync(await postgres.CreateAsync(), Roles.Administrator);
        await using (var db = work.Db())
            await db.Users.ExecuteUpdateAsync(u => u.SetProperty(x => x.SecurityStamp, "changed"), Test);
        await Assert.ThrowsAsync<NotAllowedException>(() => work.Get<People>().AllAsync(Test));
    }
}
