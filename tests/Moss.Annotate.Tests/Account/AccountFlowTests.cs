using System.Net;
using System.Text.Json;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;
using Microsoft.EntityFrameworkCore;
using Moss.Annotate.Account;
using Moss.Annotate.Tests.Setup;
using Moss.Data;
using Moss.Data.Annotators;
using Moss.Data.Audit;

namespace Moss.Annotate.Tests.Account;

public sealed class AccountFlowTests(PostgresServer postgres) : IAsyncLifetime
{
    private const string Password = "correct horse battery";

    private string _database = "";
    private Gate _gate = null!;
    private RunningPortal _portal = null!;

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gate = new Gate(_database = await postgres.CreateAsync());
        _portal = new RunningPortal(_gate.ConnectionString);
    }

    [Fact]
    public async Task The_setup_link_makes_one_administrator_and_then_nobody_else()
    {
        using var first = _portal.Visit();
        Assert.False(await HealthAsync(first));
        Assert.Contains("token in this link is not the one", await first.ReadAsync("/Account/FirstAdministrator?token=wrong"));
        Assert.Contains("token in this link is not the one", await first.ReadAsync("/Account/FirstAdministrator"));
        Assert.Contains("at least 12 characters", await (await first.BecomeFirstAsync("Mei", "short")).Content.ReadAsStringAsync(Test));

        Assert.Equal("/conversations", Path(await first.BecomeFirstAsync("Mei", Password)));
        Assert.True(await HealthAsync(first));
        Assert.Equal(HttpStatusCode.OK, (await first.GetAsync("/users")).StatusCode);

        using var second = _portal.Visit();
        Assert.Contains("There already is an administrator", await second.ReadAsync($"/Account/FirstAdministrator?token={RunningPortal.Token}"));
    }

    [Fact]
    public async Task Two_browsers_with_the_same_link_make_one_administrator()
    {
        using Visitor a = _portal.Visit(), b = _portal.Visit();
        var answers = await Task.WhenAll(a.BecomeFirstAsync("Mei", Password), b.BecomeFirstAsync("Lin", Password));
        Assert.Single(answers, r => r.StatusCode == HttpStatusCode.Found);
        await using var db = MossData.Open(_database);
        Assert.Equal(1, await db.Users.CountAsync(Test));
        Assert.Equal(["user_created"], await db.AuditLog.Select(e => e.Action).ToListAsync(Test));
        Assert.Null(await db.VerifyAuditAsync(Test));
    }

    [Fact]
    public async Task Five_wrong_passwords_lock_the_account_and_the_right_one_waits_too()
    {
        using var visitor = _portal.Visit();
        await visitor.BecomeFirstAsync("Mei", Password);
        using var stranger = _portal.Visit();
        for (var i = 0; i < 4; i++) Assert.Contains("do not belong together", await (await stranger.SignInAsync("Mei", "wrong password 1")).Content.ReadAsStringAsync(Test));
        Assert.Contains("Too many wrong passwords", await (await stranger.SignInAsync("Mei", "wrong password 1")).Content.ReadAsStringAsync(Test));
        Assert.Contains("Too many wrong passwords", await (await stranger.SignInAsync("Mei", Password)).Content.ReadAsStringAsync(Test));
        Assert.Contains("do not belong together", await (await stranger.SignInAsync("Nobody", Password)).Content.ReadAsStringAsync(Test));
    }

    [Fact]
    public async Task A_page_beyond_ones_role_says_so_and_a_stranger_is_asked_to_sign_in()
    {
        using var stranger = _portal.Visit();
        Assert.Equal("/Account/Login?returnUrl=%2Ftraining", Path(await stranger.GetAsync("/training")));
        await Workplace.CreateAsync(_database);
        await using var db = MossData.Open(_database);
        var annotator = await db.Users.Select(u => u.UserName!).SingleAsync(Test);
        using var visitor = _portal.Visit();
        Assert.Equal("/", Path(await visitor.SignInAsync(annotator, Workplace.Password)));
        Assert.Equal(HttpStatusCode.OK, (await visitor.GetAsync("/conversations")).StatusCode);
        foreach (var page in new[] { "/users", "/training", "/checkpoints", "/agent-runs", "/hangfire" })
            Assert.StartsWith("/Account/Denied", Path(await visitor.GetAsync(page)), StringComparison.Ordinal);
        Assert.Contains("your roles do not include this page", await visitor.ReadAsync("/Account/Denied"));
    }

    [Fact]
    public async Task Forms_without_their_antiforgery_token_are_refused_and_signing_out_takes_a_POST()
    {
        using var visitor = _portal.Visit();
        await visitor.BecomeFirstAsync("Mei", Password);
        foreach (var path in new[] { "/Account/Login", "/Account/Logout", "/Account/Me" })
            Assert.Equal(HttpStatusCode.BadRequest, (await visitor.PostAsync(path, new() { ["_handler"] = "login", ["Input.Name"] = "Mei", ["Input.Password"] = Password })).StatusCode);
        await visitor.GetAsync("/Account/Logout");
        Assert.Equal(HttpStatusCode.OK, (await visitor.GetAsync("/conversations")).StatusCode);
        await visitor.SubmitAsync("/Account/Logout");
        Assert.Equal(HttpStatusCode.Found, (await visitor.GetAsync("/conversations")).StatusCode);
    }

    [Fact]
    public async Task A_changed_password_replaces_the_old_one_and_the_language_stays_with_the_account()
    {
        using var visitor = _portal.Visit();
        await visitor.BecomeFirstAsync("Mei", Password);
        Assert.Contains("current password is not right", await (await visitor.SubmitAsync("/Account/Me", ("Input.Current", "not this one"), ("Input.New", "another long one"))).Content.ReadAsStringAsync(Test));
        Assert.Contains("password is changed", await (await visitor.SubmitAsync("/Account/Me", ("Input.Current", Password), ("Input.New", "another long one"))).Content.ReadAsStringAsync(Test));
        Assert.Equal("/", Path(await visitor.GetAsync("/Account/Language?culture=zh-Hans&returnUrl=//evil.example")));
        Assert.Equal(HttpStatusCode.BadRequest, (await visitor.GetAsync("/Account/Language?culture=xx")).StatusCode);

        using var later = _portal.Visit();
        Assert.Contains("do not belong together", await (await later.SignInAsync("Mei", Password)).Content.ReadAsStringAsync(Test));
        await later.SignInAsync("Mei", "another long one");
        Assert.Contains("密码与语言", WebUtility.HtmlDecode(await later.ReadAsync("/Account/Me")));
    }

    [Fact]
    public async Task Every_answer_carries_the_safety_headers_and_cookies_keep_to_themselves()
    {
        using var visitor = _portal.Visit();
        var page = await visitor.GetAsync("/Account/Login");
        Assert.Contains("frame-ancestors 'none'", page.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal("nosniff", page.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.True(page.Headers.Contains("Referrer-Policy"));
        Assert.DoesNotContain("<script>", await page.Content.ReadAsStringAsync(Test));
        var session = (await visitor.BecomeFirstAsync("Mei", Password)).Headers.GetValues("Set-Cookie").Single(c => c.StartsWith("moss.session", StringComparison.Ordinal));
        Assert.Contains("httponly", session);
        Assert.Contains("samesite=lax", session);
    }

    [Fact]
    public async Task A_database_that_is_away_is_said_and_the_portal_goes_on_when_it_is_back()
    {
        using var visitor = _portal.Visit();
        await visitor.BecomeFirstAsync("Mei", Password);
        _gate.Shut();
        var health = await visitor.GetAsync("/healthz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, health.StatusCode);
        Assert.Contains("cannot use its database", await health.Content.ReadAsStringAsync(Test));
        var page = await visitor.SubmitAsync("/Account/Login", ("Input.Name", "Mei"), ("Input.Password", Password));
        Assert.Contains(page.StatusCode, new[] { HttpStatusCode.ServiceUnavailable, HttpStatusCode.BadRequest });
        _gate.Open();
        Assert.True(await HealthAsync(visitor));
        Assert.Equal("/", Path(await visitor.SignInAsync("Mei", Password)));
    }

    [Fact]
    public async Task The_job_pages_say_what_is_missing_before_work_has_run()
    {
        using var visitor = _portal.Visit();
        await visitor.BecomeFirstAsync("Mei", Password);
        var page = await visitor.GetAsync("/hangfire");
        Assert.Contains("./moss work", await page.Content.ReadAsStringAsync(Test));

        _ = new PostgreSqlStorage(new NpgsqlConnectionFactory(_database, new PostgreSqlStorageOptions()), new PostgreSqlStorageOptions { PrepareSchemaIfNecessary = true });
        var board = await visitor.GetAsync("/hangfire/recurring");
        Assert.Equal(HttpStatusCode.OK, board.StatusCode);
        Assert.DoesNotContain("btn-danger", await board.Content.ReadAsStringAsync(Test)); // to look at only
        Assert.Contains((await visitor.PostAsync("/hangfire/recurring/trigger", new() { ["jobs[]"] = "x" })).StatusCode, new[] { HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden, HttpStatusCode.BadRequest });
    }

    private static string Path(HttpResponseMessage response) =>
        response.Headers.Location is { } to ? to.IsAbsoluteUri ? to.PathAndQuery : to.OriginalString : $"{(int)response.StatusCode}";

    private static async Task<bool> HealthAsync(Visitor visitor) =>
        JsonDocument.Parse(await visitor.ReadAsync("/healthz")).RootElement.GetProperty("administrator").GetBoolean();

    public async ValueTask DisposeAsync()
    {
        await _portal.DisposeAsync();
        await _gate.DisposeAsync();
    }
}
