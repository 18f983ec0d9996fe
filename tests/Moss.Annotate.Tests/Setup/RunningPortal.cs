using System.Net;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.Logging;

namespace Moss.Annotate.Tests.Setup;

/// <summary>The whole portal on a port of its own, as `./moss up` runs it.</summary>
public sealed class RunningPortal : WebApplicationFactory<Program>
{
    public const string Token = "setup-token-of-the-test";

    private readonly string _database;

    public RunningPortal(string database)
    {
        _database = database;
        UseKestrel(0);
        StartServer();
    }

    public Uri Url => ClientOptions.BaseAddress;

    protected override void ConfigureWebHost(IWebHostBuilder builder) => builder
        .UseSetting("MOSS_DB", _database).UseSetting("MOSS_SETUP_TOKEN", Token).UseSetting("MOSS_SERVE_URL", "http://127.0.0.1:9")
        .UseEnvironment("Production").ConfigureLogging(log => log.ClearProviders());

    /// <summary>A browser with cookies of its own; it does not follow redirects.</summary>
    public Visitor Visit() => new(Url);
}

/// <summary>A browser without a screen: cookies, forms with their antiforgery token, no redirects followed.</summary>
public sealed class Visitor(Uri url) : IDisposable
{
    private readonly HttpClient _http = new(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() }) { BaseAddress = url };

    public static CancellationToken Test => TestContext.Current.CancellationToken;

    public Task<HttpResponseMessage> GetAsync(string path) => _http.GetAsync(path, Test);

    public async Task<string> ReadAsync(string path) => await (await GetAsync(path)).Content.ReadAsStringAsync(Test);

    public Task<HttpResponseMessage> PostAsync(string path, Dictionary<string, string> fields) =>
        _http.PostAsync(path, new FormUrlEncodedContent(fields), Test);

    /// <summary>Loads the page and posts its form with these fields filled in.</summary>
    public async Task<HttpResponseMessage> SubmitAsync(string path, params (string Name, string Value)[] fields)
    {
        var page = await ReadAsync(path);
        var form = new Dictionary<string, string>();
        foreach (var hidden in new[] { "_handler", "__RequestVerificationToken" })
        {
            if (Hidden(page, hidden) is { } value) form[hidden] = value;
        }
        foreach (var (name, value) in fields) form[name] = value;
        return await PostAsync(path, form);
    }

    public Task<HttpResponseMessage> SignInAsync(string name, string password) =>
        SubmitAsync("/Account/Login", ("Input.Name", name), ("Input.Password", password), ("Input.Remember", "false"));

    public Task<HttpResponseMessage> BecomeFirstAsync(string name, string password, string token = RunningPortal.Token) =>
        SubmitAsync($"/Account/FirstAdministrator?token={token}", ("Input.Name", name), ("Input.Password", password));

    private static string? Hidden(string page, string name)
    {
        var at = page.IndexOf($"name=\"{name}\" value=\"", StringComparison.Ordinal);
        if (at < 0) return null;
        var start = page.IndexOf("value=\"", at, StringComparison.Ordinal) + 7;
        return WebUtility.HtmlDecode(page[start..page.IndexOf('"', start)]);
    }

    public void Dispose() => _http.Dispose();
}
