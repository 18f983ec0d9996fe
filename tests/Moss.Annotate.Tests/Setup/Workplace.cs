using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Conversations;
using Moss.Annotate.Features.Shared;
using Moss.Annotate.Hosting;
using Moss.Data;
using Moss.Data.Annotators;
using Moss.Data.Checkpoints;
using Moss.Data.Conversations;
using Moss.Data.Projects;
using MudBlazor.Services;

namespace Moss.Annotate.Tests.Setup;

/// <summary>A database with one signed-in person, a checkpoint, and the portal's own services: what a page has, without a browser.</summary>
public sealed class Workplace : IAsyncDisposable
{
    public const string Password = "correct horse battery";

    private readonly ServiceProvider _services;

    private Workplace(string connectionString, MossUser user, string role, Uri serve)
    {
        (ConnectionString, User, Role, Serve) = (connectionString, user, role, serve);
        _services = Add(new ServiceCollection()).BuildServiceProvider();
        Scope = _services.CreateAsyncScope();
    }

    public string ConnectionString { get; }
    public MossUser User { get; }
    public string Role { get; }
    public Uri Serve { get; }
    public AsyncServiceScope Scope { get; }

    public static CancellationToken Test => TestContext.Current.CancellationToken;

    public T Get<T>() where T : notnull => Scope.ServiceProvider.GetRequiredService<T>();

    public MossDbContext Db() => MossData.Open(ConnectionString);

    public static async Task<Workplace> CreateAsync(string connectionString, string role = Roles.Annotator, Uri? serve = null)
    {
        var user = new MossUser { UserName = $"Ada {Guid.NewGuid():N}", SecurityStamp = Guid.NewGuid().ToString(), LockoutEnabled = true };
        user.NormalizedUserName = user.UserName.ToUpperInvariant();
        user.PasswordHash = new PasswordHasher<MossUser>().HashPassword(user, Password);
        await using var db = MossData.Open(connectionString);
        foreach (var name in Roles.All.Except(await db.Roles.Select(r => r.Name!).ToListAsync(Test)))
            db.Roles.Add(new IdentityRole<Guid>(name) { Id = Guid.CreateVersion7(), NormalizedName = name.ToUpperInvariant() });
        db.Users.Add(user);
        await db.SaveChangesAsync(Test);
        var held = await db.Roles.SingleAsync(r => r.Name == role, Test);
        db.UserRoles.Add(new IdentityUserRole<Guid> { UserId = user.Id, RoleId = held.Id });
        await db.SaveChangesAsync(Test);
        return new Workplace(connectionString, user, role, serve ?? new Uri("http://127.0.0.1:9"));
    }

    /// <summary>The portal's services, with this person at the page.</summary>
    public IServiceCollection Add(IServiceCollection services, string? database = null)
    {
        var settings = new PortalSettings(database ?? ConnectionString, Serve, "token");
        services.AddLogging();
        services.AddSingleton(settings);
        services.AddDatabase(settings);
        services.AddAccounts();
        services.AddLocalization();
        services.AddMudServices();
        services.AddScoped<DatabaseLine>();
        services.AddConversations(settings);
        services.AddSingleton<IAuthorizationService, DefaultAuthorizationService>(); // bUnit puts a placeholder there
        services.AddSingleton<AuthenticationStateProvider>(new Fixed(User, Role));
        return services;
    }

    public async Task<Checkpoint> CheckpointAsync(string name = "starter")
    {
        await using var db = Db();
        var hash = $"{Guid.NewGuid():N}{Guid.NewGuid():N}";
        return await db.RegisterBaseAsync(new Checkpoint
        {
            Name = name, Kind = CheckpointKind.Base, Family = "qwen3", Folder = name, ManifestSha256 = hash, TemplateSha256 = hash,
            CreatedAt = TimeProvider.System.GetUtcNow(),
        }, Test);
    }

    /// <summary>A conversation with a question and a finished reply of the checkpoint.</summary>
    public async Task<Message> ReplyAsync(Checkpoint checkpoint, string question = "Who directed The Matrix?", string answer = "Ridley Scott.")
    {
        await using var db = Db();
        var me = await Get<SignedIn>().AnnotatorAsync(Test);
        var project = await db.EnsureProjectAsync(Project.DefaultName, TimeProvider.System.GetUtcNow(), Test);
        var conversation = await db.StartConversationAsync(Guid.CreateVersion7(), project.Id, ConversationOrigin.Human, question, null, me.Id, null, null, Test);
        var asked = await db.SayAsync(Guid.CreateVersion7(), conversation.Id, null, question, me.Id, Test);
        var id = Guid.CreateVersion7();
        await db.BeginReplyAsync(id, conversation.Id, asked.Id, answer, new Generation { MessageId = id, CheckpointId = checkpoint.Id }, Test);
        await db.EndReplyAsync(id, answer, MessageState.Complete, new ReplyOutcome("stop", TotalMs: 5), Test);
        return await db.Messages.AsNoTracking().Include(m => m.Generation).SingleAsync(m => m.Id == id, Test);
    }

    public async ValueTask DisposeAsync()
    {
        await Scope.DisposeAsync();
        await _services.DisposeAsync();
    }

    private sealed class Fixed(MossUser user, string role) : AuthenticationStateProvider
    {
        public override Task<AuthenticationState> GetAuthenticationStateAsync() => Task.FromResult(new AuthenticationState(new ClaimsPrincipal(new ClaimsIdentity(
        [
            new(ClaimTypes.NameIdentifier, user.Id.ToString()), new(ClaimTypes.Name, user.UserName!), new(ClaimTypes.Role, role),
            new("AspNet.Identity.SecurityStamp", user.SecurityStamp!),
        ], "test"))));
    }
}
