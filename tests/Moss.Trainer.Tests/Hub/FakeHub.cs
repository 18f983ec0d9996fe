using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Moss.Trainer.Tests.Hub;

/// <summary>A hub on this machine: real HTTP, a few files, and whatever goes wrong with real ones.</summary>
internal sealed class FakeHub : IAsyncDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";
    private readonly WebApplication _app;

    private FakeHub(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.First());
    public Dictionary<string, byte[]> Files { get; } = [];
    public HashSet<string> Large { get; } = [];

    /// <summary>What each request asked for: path, Range and who it said it was.</summary>
    public ConcurrentQueue<(string Path, string? Range, string? IfRange, string? Authorization)> Requests { get; } = [];

    /// <summary>Bytes after which the connection is cut, for as many requests of a file as there are.</summary>
    public ConcurrentQueue<(string Name, int After)> Cuts { get; } = [];

    /// <summary>Answers instead of what was asked for.</summary>
    public ConcurrentQueue<int> Refusals { get; } = [];

    public Func<string, byte[], byte[]> Sent { get; set; } = (_, bytes) => bytes;
    public Func<string, string> Listed { get; set; } = name => name;
    public bool StatesHashes { get; set; } = true;
    public bool KnowsRanges { get; set; } = true;
    public string? Token { get; set; }
    public Uri? Store { get; set; }

    public static async Task<FakeHub> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var hub = new FakeHub(app);
        app.Run(hub.AnswerAsync);
        await app.StartAsync();
        return hub;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value!;
        Requests.Enqueue((path, http.Request.Headers.Range, http.Request.Headers.IfRange, http.Request.Headers.Authorization));
        if (Refusals.TryDequeue(out var status)) http.Response.StatusCode = status;
        else if (Token is not null && http.Request.Headers.Authorization != $"Bearer {Token}") http.Response.StatusCode = 401;
        else if (path == "/api/models/moss/tiny/revision/main") await http.Response.WriteAsync(Listing());
        else if (path.StartsWith($"/moss/tiny/resolve/{Commit}/", StringComparison.Ordinal) && Files.ContainsKey(Path.GetFileName(path))) await SendAsync(http, Path.GetFileName(path));
        else http.Response.StatusCode = 404;
    }

    private string Listing() => new JsonObject
    {
        ["sha"] = Commit,
        ["siblings"] = new JsonArray([.. Files.Select(f => (JsonNode)(Large.Contains(f.Key)
            ? new JsonObject { ["rfilename"] = Listed(f.Key), ["size"] = f.Value.Length, ["blobId"] = new string('0', 40), ["lfs"] = new JsonObject { ["sha256"] = Sha256(f.Value), ["size"] = f.Value.Length } }
            : new JsonObject { ["rfilename"] = Listed(f.Key) }))]),
    }.ToJsonString();

    private async Task SendAsync(HttpContext http, string name)
    {
        var (whole, bytes) = (Files[name], Sent(name, Files[name]));
        if (StatesHashes) http.Response.Headers["X-Linked-Etag"] = $"\"{(Large.Contains(name) ? Sha256(whole) : GitHash(whole))}\"";
        if (Store is not null)
        {
            http.Response.Redirect(new Uri(Store, http.Request.Path).ToString());
            return;
        }
        http.Response.Headers.ETag = "\"state-1\"";
        var from = 0;
        if (KnowsRanges && http.Request.Headers.Range.ToString() is { Length: > 6 } range && http.Request.Headers.IfRange.ToString() is "" or "\"state-1\"")
        {
            from = int.Parse(range[6..^1], System.Globalization.CultureInfo.InvariantCulture);
            http.Response.StatusCode = 206;
            http.Response.Headers.ContentRange = $"bytes {from}-{bytes.Length - 1}/{bytes.Length}";
        }
        http.Response.ContentLength = bytes.Length - from;
        if (Cuts.TryPeek(out var cut) && cut.Name == name && Cuts.TryDequeue(out _))
        {
            await http.Response.Body.WriteAsync(bytes.AsMemory(from, cut.After));
            await http.Response.Body.FlushAsync();
            await Task.Delay(50); // an aborted connection takes with it what was not read yet
            http.Abort();
            return;
        }
        await http.Response.Body.WriteAsync(bytes.AsMemory(from));
    }

    private static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

#pragma warning disable CA5350 // git's hash
    private static string GitHash(byte[] bytes) => Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {bytes.Length}\0"), .. bytes]));
#pragma warning restore CA5350
}
