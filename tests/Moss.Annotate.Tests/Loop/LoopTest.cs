using System.Security.Claims;
using AngleSharp.Dom;
using Bunit;
using Bunit.TestDoubles;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Conversations.Talking;
using Moss.Annotate.Features.Shared;
using Moss.Annotate.Tests.Setup;
using Moss.Data;
using Moss.Data.Annotators;
using MudBlazor.Services;

namespace Moss.Annotate.Tests.Loop;

/// <summary>A page of the loop over a real database of its own, looked at by a signed-in researcher.</summary>
[Collection("loop")] // one after another: each page polls
public abstract class LoopTest(PostgresServer server) : BunitContext, IAsyncLifetime
{
    private const string Stamp = "stamp-1";
    private string _connection = "";
    private BunitAuthorizationContext _authorization = null!;

    protected static CancellationToken Test => Xunit.TestContext.Current.CancellationToken;

    protected LoopStory Story { get; private set; } = null!;
    protected MossUser User { get; private set; } = null!;
    protected ScriptedServer Server { get; } = new();

    public async ValueTask InitializeAsync()
    {
        _connection = await server.CreateAsync();
        Story = new LoopStory(Open);
        User = new MossUser { UserName = "Grace", SecurityStamp = Stamp };
        await using (var db = Open())
        {
            db.Users.Add(User);
            await db.SaveChangesAsync(Test);
        }

        JSInterop.Mode = JSRuntimeMode.Loose;
        Services.AddMudServices();
        Services.AddLocalization();
        Services.AddMossData(_connection);
        Services.AddSingleton(TimeProvider.System);
        Services.AddScoped<DatabaseLine>();
        Services.AddScoped<CurrentProject>();
        Services.AddScoped<SignedIn>();
        Services.AddSingleton(new MossServer(new HttpClient(Server) { BaseAddress = new Uri("http://moss.test") }));
        _authorization = this.AddAuthorization();
        _authorization.SetAuthorized("Grace").SetPolicies(Policies.Annotator, Policies.Researcher);
        _authorization.SetClaims(
            new Claim(new ClaimsIdentityOptions().UserIdClaimType, User.Id.ToString()), new Claim(new ClaimsIdentityOptions().SecurityStampClaimType, Stamp));
    }

    protected MossDbContext Open() => MossData.Open(_connection);

    protected async Task<T> With<T>(Func<MossDbContext, Task<T>> look)
    {
        await using var db = Open();
        return await look(db);
    }

    /// <summary>An administrator takes the role away while the page is open.</summary>
    protected void TakeRoleAway() => _authorization.SetPolicies(Policies.Annotator);

    /// <summary>An administrator disables the account or changes its password: its security stamp is another one.</summary>
    protected async Task ChangeAccountAsync()
    {
        await using var db = Open();
        var user = await db.Users.FindAsync([User.Id], Test);
        user!.SecurityStamp = "stamp-2";
        await db.SaveChangesAsync(Test);
    }

    public new async ValueTask DisposeAsync()
    {
        await DisposeComponentsAsync();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <summary>Finding things the way the browser tests do.</summary>
internal static class Finding
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static IElement Control<T>(this IRenderedComponent<T> page, string test) where T : IComponent
    {
        page.WaitForState(() => page.FindAll($"[data-test='{test}']").Count > 0, Patience);
        return page.Find($"[data-test='{test}']");
    }

    public static bool Has<T>(this IRenderedComponent<T> page, string test) where T : IComponent => page.FindAll($"[data-test='{test}']").Count > 0;

    /// <summary>Clicks once the control can be clicked.</summary>
    public static void Press<T>(this IRenderedComponent<T> page, string test) where T : IComponent
    {
        page.WaitForState(() => page.FindAll($"[data-test='{test}']:not([disabled])").Count > 0, Patience);
        page.Find($"[data-test='{test}']").Click();
    }

    public static void Type<T>(this IRenderedComponent<T> page, string test, string text) where T : IComponent => page.Control(test).Input(text);

    public static void Says<T>(this IRenderedComponent<T> page, string test, string words) where T : IComponent =>
        page.WaitForAssertion(() => Assert.Contains(words, page.Find($"[data-test='{test}']").TextContent, StringComparison.Ordinal), Patience);

    public static void Until<T>(this IRenderedComponent<T> page, Func<bool> holds) where T : IComponent => page.WaitForState(holds, Patience);
}
