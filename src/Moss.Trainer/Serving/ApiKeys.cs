using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace Moss.Trainer.Serving;

/// <summary>Whose request it is, by its "Authorization: Bearer" key. Where no keys are set everybody is the same caller.</summary>
internal sealed class ApiKeys(IOptions<ServeOptions> options)
{
    public const string Anyone = "anyone";
    private const string Scheme = "Bearer ";

    // Hashes of one length, so that comparing takes the same time whatever is sent.
    private readonly (string Name, byte[] Hash)[] _keys = [.. options.Value.ApiKeys.Select(k => (k.Key, SHA256.HashData(Encoding.UTF8.GetBytes(k.Value))))];

    /// <summary>The name of the request's key.</summary>
    /// <exception cref="ApiRefusal">401: no key was sent, or none that is known.</exception>
    public string NameOf(HttpContext http)
    {
        if (_keys.Length == 0) return Anyone;
        var given = http.Request.Headers.Authorization.ToString();
        if (!given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            throw Refusal(http, "This server asks for a key: send it as 'Authorization: Bearer KEY'.");
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(given[Scheme.Length..].Trim()));
        string? name = null;
        foreach (var key in _keys)
            if (CryptographicOperations.FixedTimeEquals(key.Hash, hash)) name = key.Name;
        return name ?? throw Refusal(http, "The key that was sent is not one of this server's keys. Ask whoever runs the server for one.");
    }

    private static ApiRefusal Refusal(HttpContext http, string message)
    {
        http.Response.Headers.WWWAuthenticate = "Bearer";
        return new(401, message, code: "invalid_api_key");
    }
}

/// <summary>Who asks: the name of the key.</summary>
internal sealed record Caller(string Name);

internal static class ApiKeysSetup
{
    /// <summary>Lets nobody without a key reach the interface; health and metrics need none.</summary>
    public static IApplicationBuilder UseApiKeys(this IApplicationBuilder app) => app.Use((http, next) =>
    {
        if (http.Request.Path.StartsWithSegments("/v1") || http.Request.Path.StartsWithSegments("/tokenize")) // whatever the case, as routes are
            http.Features.Set(new Caller(http.RequestServices.GetRequiredService<ApiKeys>().NameOf(http)));
        return next(http);
    });

    public static string CallerName(this HttpContext http) => http.Features.Get<Caller>()?.Name ?? ApiKeys.Anyone;
}
