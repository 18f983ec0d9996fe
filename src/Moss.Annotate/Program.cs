using Moss.Annotate.Account;
using Moss.Annotate.Features.Conversations;
using Moss.Annotate.Hosting;

// The portal, from settings to pages. Each line is a file of its own.
var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
var settings = builder.ReadPortalSettings();

builder.Services.AddDatabase(settings);
builder.Services.AddAccounts();
builder.Services.AddPages();
builder.Services.AddConversations(settings);
builder.Services.AddJobsDashboard(settings);

var app = builder.Build();

app.UseSafeHeaders();
app.UseSentenceForLostDatabase();
app.UseLanguages();
app.UseAuthentication();
app.UseAuthorization();
app.UseAntiforgery();

app.MapHealth();
app.MapAccounts();
app.MapJobsDashboard();
app.MapPages();

await app.RunAsync();
